import java.io.*;
import java.lang.reflect.Field;
import java.net.*;
import java.nio.charset.StandardCharsets;
import java.util.*;
import java.util.zip.GZIPInputStream;

/**
 * Makes requests the way the original's client does, with Java's own HTTP library, and tells what came back.
 *
 * <p>A request is a line of METHOD, PATH, QUERY and BODY with tabs between them; the path and the query are not escaped yet. An answer is
 * a line of the status, Helios-Version-Status, Helios-Server-Version, Content-Encoding and the body.
 */
public class Client {
  public static void main(String[] args) throws Exception {
    String host = args[0];
    int port = Integer.parseInt(args[1]);
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    PrintStream out = new PrintStream(System.out, true, "UTF-8");
    for (String line; (line = in.readLine()) != null; ) {
      String[] parts = line.split("\t", -1);
      // This constructor escapes what may not be in a path or a query, and every percent sign.
      URI uri = new URI("http", null, host, port, parts[1], parts[2].isEmpty() ? null : parts[2], null);
      out.println(ask(parts[0], uri, parts[3]));
    }
  }

  private static String ask(String method, URI uri, String body) throws Exception {
    HttpURLConnection connection = (HttpURLConnection) uri.toURL().openConnection();
    connection.setRequestProperty("Accept-Encoding", "gzip");
    connection.setInstanceFollowRedirects(false);
    connection.setConnectTimeout(10000);
    connection.setReadTimeout(10000);
    connection.setRequestProperty("Helios-Version", "0.9.283");
    if (!body.isEmpty()) {
      connection.setRequestProperty("Content-Type", "application/json");
      connection.setRequestProperty("Charset", "utf-8");
      connection.setDoOutput(true);
    }
    setMethod(connection, method);
    if (!body.isEmpty()) {
      try (OutputStream stream = connection.getOutputStream()) {
        stream.write(body.getBytes(StandardCharsets.UTF_8));
      }
    }
    int status = connection.getResponseCode();
    // The map of headers knows them by the very names that were on the wire.
    Map<String, List<String>> headers = connection.getHeaderFields();
    InputStream stream = status < 400 ? connection.getInputStream() : connection.getErrorStream();
    String encoding = first(headers, "Content-Encoding");
    if (stream != null && encoding.equals("gzip")) {
      stream = new GZIPInputStream(stream);
    }
    String text = stream == null ? "" : new String(stream.readAllBytes(), StandardCharsets.UTF_8);
    return String.join("\t", String.valueOf(status), first(headers, "Helios-Version-Status"), first(headers, "Helios-Server-Version"), encoding, text);
  }

  private static String first(Map<String, List<String>> headers, String name) {
    List<String> values = headers.get(name);
    return values == null ? "" : values.get(0);
  }

  /** Sets PATCH too, which the library does not know, in the way of the original. */
  private static void setMethod(HttpURLConnection connection, String method) throws Exception {
    if (!method.equals("PATCH")) {
      connection.setRequestMethod(method);
      return;
    }
    Field field = HttpURLConnection.class.getDeclaredField("method");
    field.setAccessible(true);
    field.set(connection, method);
  }
}
