import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * Counts primes on many nodes: each counts those of its part, and a controller shows every answer.
 *
 * <p>A node: {@code java -jar app.jar node PORT}. The controller: {@code java -jar app.jar count LIMIT
 * PORT NODE...}; it ends with 1 when a node gives no answer. A question is one line, {@code ping} or
 * {@code FROM TO}, the answer another one.
 */
public final class Primes {
    private static final int CONNECT_MS = 5_000;
    private static final int ANSWER_MS = 600_000;
    private static final int QUESTION_MS = 10_000;
    private static final long MOST = 1_000_000_000L;

    private Primes() {
    }

    public static void main(String[] words) throws Exception {
        if (words.length == 2 && words[0].equals("node")) {
            serve(Integer.parseInt(words[1]));
        } else if (words.length > 3 && words[0].equals("count")) {
            System.exit(count(Long.parseLong(words[1]), Integer.parseInt(words[2]), words));
        } else {
            System.err.println("node PORT, or count LIMIT PORT NODE...");
            System.exit(2);
        }
    }

    private static void serve(int port) throws IOException {
        ExecutorService workers = Executors.newFixedThreadPool(4);
        try (ServerSocket server = new ServerSocket(port)) {
            while (true) {
                Socket client = server.accept();
                workers.execute(() -> answer(client));
            }
        }
    }

    private static void answer(Socket client) {
        try (client) {
            client.setSoTimeout(QUESTION_MS);
            String line = reader(client).readLine();
            String said = line == null || line.length() > 64 ? "not understood" : reply(line);
            new PrintStream(client.getOutputStream(), true).println(said);
        } catch (IOException gone) {
            // who asked does not wait any more
        }
    }

    private static String reply(String line) {
        if (line.equals("ping")) {
            return "pong";
        }
        String[] ends = line.split(" ");
        try {
            long from = Long.parseLong(ends[0]);
            long to = Long.parseLong(ends[1]);
            if (from >= 0 && to <= MOST) {
                return Long.toString(primes(from, to));
            }
        } catch (NumberFormatException | ArrayIndexOutOfBoundsException wrong) {
            // said below
        }
        return "not understood";
    }

    /** Primes p with from <= p < to. */
    private static long primes(long from, long to) {
        long found = 0;
        for (long number = Math.max(2, from); number < to; number++) {
            boolean prime = number == 2 || number % 2 != 0;
            for (long divisor = 3; prime && divisor * divisor <= number; divisor += 2) {
                prime = number % divisor != 0;
            }
            found += prime ? 1 : 0;
        }
        return found;
    }

    private static int count(long limit, int port, String[] words) throws InterruptedException {
        int nodes = words.length - 3;
        ExecutorService askers = Executors.newFixedThreadPool(nodes);
        List<Future<Long>> answers = new ArrayList<>();
        for (int place = 0; place < nodes; place++) {
            String node = words[place + 3];
            String part = limit * place / nodes + " " + limit * (place + 1) / nodes;
            answers.add(askers.submit(() -> ask(node, port, part)));
        }
        long sum = 0;
        int silent = 0;
        for (int place = 0; place < nodes; place++) {
            String said;
            try {
                long answer = answers.get(place).get();
                sum += answer;
                said = Long.toString(answer);
            } catch (ExecutionException failed) {
                silent++;
                said = "no answer: " + failed.getCause().getMessage();
            }
            System.out.println(words[place + 3] + " " + said);
        }
        askers.shutdown();
        String missing = silent == 0 ? "" : ", without the parts of " + silent + " nodes";
        System.out.println("primes below " + limit + ": " + sum + missing);
        return silent == 0 ? 0 : 1;
    }

    private static long ask(String node, int port, String part) throws IOException {
        try (Socket socket = new Socket()) {
            socket.connect(new InetSocketAddress(node, port), CONNECT_MS);
            socket.setSoTimeout(ANSWER_MS);
            new PrintStream(socket.getOutputStream(), true).println(part);
            String said = reader(socket).readLine();
            try {
                return Long.parseLong(String.valueOf(said));
            } catch (NumberFormatException wrong) {
                throw new IOException("it said " + said);
            }
        }
    }

    private static BufferedReader reader(Socket socket) throws IOException {
        return new BufferedReader(new InputStreamReader(socket.getInputStream(), "US-ASCII"));
    }
}
