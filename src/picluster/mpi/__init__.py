"""MPI jobs: programs that are built, boards that take their parts, and mpirun over them."""
