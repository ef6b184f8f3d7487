import java.io.*;
import java.nio.charset.StandardCharsets;
import java.util.regex.*;

/** Reads lines of hexadecimal PATTERN and SUBJECT, and says of each whether the one is found in the other: 1, 0, or E for a bad pattern. */
public class Find {
  public static void main(String[] args) throws IOException {
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
    for (String line; (line = in.readLine()) != null; ) {
      String[] parts = line.split(" ", -1);
      String answer;
      try {
        answer = Pattern.compile(text(parts[0])).matcher(text(parts[1])).find() ? "1" : "0";
      } catch (PatternSyntaxException e) {
        answer = "E";
      }
      System.out.println(answer);
    }
  }

  private static String text(String hex) {
    byte[] bytes = new byte[hex.length() / 2];
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] = (byte) Integer.parseInt(hex.substring(2 * i, 2 * i + 2), 16);
    }
    return new String(bytes, StandardCharsets.UTF_8);
  }
}
