import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.neo4j.dbms.api.DatabaseManagementService;
import org.neo4j.dbms.api.DatabaseManagementServiceBuilder;

/**
 * Runs Neo4j Community with its Bolt and HTTP connectors, Browser included, until it is told to stop.
 *
 * <p>Run as a source file: {@code java -cp 'lib/*' Neo4jLauncher.java HOME CONF PASSWORD_FILE}. The password of the
 * user {@code neo4j} is set on every start, so the first login needs no change; it comes from a file because
 * arguments are visible to every user of the machine.
 */
public final class Neo4jLauncher {
    private Neo4jLauncher() {}

    public static void main(String[] args) throws Exception {
        Path home = Path.of(args[0]);
        DatabaseManagementService server =
                new DatabaseManagementServiceBuilder(home).loadPropertiesFromFile(Path.of(args[1])).build();
        Runtime.getRuntime().addShutdownHook(new Thread(server::shutdown));
        String password = Files.readString(Path.of(args[2])).strip();
        server.database("system")
                .executeTransactionally(
                        "ALTER USER neo4j SET PASSWORD $password CHANGE NOT REQUIRED", Map.of("password", password));
        System.out.println("ready");
        Thread.currentThread().join();
    }
}
