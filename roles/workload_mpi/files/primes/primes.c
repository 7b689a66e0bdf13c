/* primes LIMIT: counts the primes below LIMIT. Each rank counts those of its part of the numbers; the
 * first prints a line for each rank, "RANK NODE PRIMES", and the sum. */
#include <errno.h>
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>

#define MOST 1000000000L

static int is_prime(long number)
{
    if (number < 3 || number % 2 == 0)
        return number == 2;
    for (long divisor = 3; divisor * divisor <= number; divisor += 2)
        if (number % divisor == 0)
            return 0;
    return 1;
}

/* Primes from <= p < to. */
static long count(long from, long to)
{
    long found = 0;
    for (long number = from; number < to; number++)
        found += is_prime(number);
    return found;
}

static long limit_of(int words, char **word)
{
    char *end;
    if (words != 2)
        return -1;
    errno = 0;
    long limit = strtol(word[1], &end, 10);
    return errno || end == word[1] || *end || limit < 0 || limit > MOST ? -1 : limit;
}

static void print(int ranks, const char *names, const long *each, long sum, long limit)
{
    for (int rank = 0; rank < ranks; rank++)
        printf("%d %s %ld\n", rank, names + rank * MPI_MAX_PROCESSOR_NAME, each[rank]);
    printf("primes below %ld: %ld\n", limit, sum);
}

int main(int words, char **word)
{
    int rank, ranks, length;
    char name[MPI_MAX_PROCESSOR_NAME] = "", *names = NULL;
    long mine, sum = 0, *each = NULL, limit = limit_of(words, word);

    MPI_Init(&words, &word);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks);
    if (limit < 0) {
        if (rank == 0)
            fprintf(stderr, "primes LIMIT, a number from 0 to %ld\n", MOST);
        MPI_Finalize();
        return 2;
    }
    MPI_Get_processor_name(name, &length);
    if (rank == 0) {
        names = calloc(ranks, MPI_MAX_PROCESSOR_NAME);
        each = calloc(ranks, sizeof *each);
        if (names == NULL || each == NULL)
            MPI_Abort(MPI_COMM_WORLD, 1);
    }
    mine = count(limit * rank / ranks, limit * (rank + 1) / ranks);
    MPI_Gather(name, MPI_MAX_PROCESSOR_NAME, MPI_CHAR, names, MPI_MAX_PROCESSOR_NAME, MPI_CHAR, 0,
               MPI_COMM_WORLD);
    MPI_Gather(&mine, 1, MPI_LONG, each, 1, MPI_LONG, 0, MPI_COMM_WORLD);
    MPI_Reduce(&mine, &sum, 1, MPI_LONG, MPI_SUM, 0, MPI_COMM_WORLD);
    if (rank == 0)
        print(ranks, names, each, sum, limit);
    free(names);
    free(each);
    MPI_Finalize();
    return 0;
}
