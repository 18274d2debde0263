import java.nio.charset.StandardCharsets;
import org.apache.pegasus.client.ClientOptions;
import org.apache.pegasus.client.PException;
import org.apache.pegasus.client.PegasusClientFactory;
import org.apache.pegasus.client.PegasusClientInterface;

public class Example {
  public static void main(String[] args) throws PException {
    ClientOptions options =
        ClientOptions.builder()
            .metaServers("127.0.0.1:34601,127.0.0.1:34602,127.0.0.1:34603")
            .build();
    PegasusClientInterface client = PegasusClientFactory.createClient(options);
    client.set("temp", bytes("user_1"), bytes("name"), bytes("Ada"));
    byte[] value = client.get("temp", bytes("user_1"), bytes("name"));
    System.out.println("get: " + new String(value, StandardCharsets.UTF_8));
    System.out.println("visits: " + client.incr("temp", bytes("user_1"), bytes("visits"), 1));
    client.close();
  }

  private static byte[] bytes(String s) {
    return s.getBytes(StandardCharsets.UTF_8);
  }
}
