import brave.Span;
import brave.Tracing;
import brave.propagation.TraceContext.Extractor;
import brave.propagation.TraceContextOrSamplingFlags;
import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpServer;
import java.net.InetSocketAddress;
import java.util.concurrent.TimeUnit;
import zipkin2.reporter.Encoding;
import zipkin2.reporter.brave.AsyncZipkinSpanHandler;
import zipkin2.reporter.urlconnection.URLConnectionSender;

/**
 * A service traced by Brave. The arguments are the collector's URL and the encoding. It joins the
 * span of its caller, as Brave's servers do by default, and calls a warehouse that fails.
 */
public class BraveShop {
  public static void main(String[] args) throws Exception {
    var sender = URLConnectionSender.newBuilder()
        .endpoint(args[0])
        .encoding(Encoding.valueOf(args[1]))
        .build();
    var handler = AsyncZipkinSpanHandler.newBuilder(sender)
        .messageTimeout(100, TimeUnit.MILLISECONDS)
        .build();
    var tracing = Tracing.newBuilder()
        .localServiceName("brave-shop")
        .traceId128Bit(true)
        .addSpanHandler(handler)
        .build();
    var tracer = tracing.tracer();
    Extractor<Headers> extractor = tracing.propagation().extractor(Headers::getFirst);
    var server = HttpServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
    server.createContext("/", exchange -> {
      TraceContextOrSamplingFlags extracted = extractor.extract(exchange.getRequestHeaders());
      Span span = extracted.context() != null
          ? tracer.joinSpan(extracted.context())
          : tracer.nextSpan(extracted);
      span.kind(Span.Kind.SERVER).name("GET /items").tag("http.path", "/items").start();
      Span query = tracer.newChild(span.context()).kind(Span.Kind.CLIENT).name("reserve");
      query.remoteServiceName("warehouse");
      query.start().error(new IllegalStateException("sold out")).finish();
      exchange.sendResponseHeaders(204, -1);
      exchange.close();
      span.finish();
    });
    server.start();
    System.out.println("listening on http://127.0.0.1:" + server.getAddress().getPort());
  }
}
