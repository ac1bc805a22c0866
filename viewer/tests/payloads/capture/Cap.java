import brave.*; import brave.propagation.*; import zipkin2.reporter.*; import zipkin2.reporter.brave.*; import zipkin2.reporter.urlconnection.*;
public class Cap {
  public static void main(String[] a) throws Exception {
    for (Encoding e : new Encoding[]{Encoding.JSON, Encoding.PROTO3}) {
      for (boolean compress : new boolean[]{false, true}) {
      var sender=URLConnectionSender.newBuilder().endpoint("http://127.0.0.1:29500/api/v2/spans?lib=brave").encoding(e).compressionEnabled(compress).build();
      var h=AsyncZipkinSpanHandler.newBuilder(sender).alwaysReportSpans(false).build();
      var tracing=Tracing.newBuilder().localServiceName("Brave-Shop").localIp("10.2.0.1").localPort(8080).traceId128Bit(compress).supportsJoin(true).addSpanHandler(h).build();
      var t=tracing.tracer();
      var server=t.nextSpan(TraceContextOrSamplingFlags.create(SamplingFlags.DEBUG)).name("GET /Items").kind(Span.Kind.SERVER).tag("http.method","GET").start(); server.remoteIpAndPort("fe80::1",50000);
      var client=t.newChild(server.context()).name("get").kind(Span.Kind.CLIENT).tag("http.path","/stock/\u00fc\"<>").remoteServiceName("Stock").start(); client.remoteIpAndPort("10.2.0.2",80); client.annotate("wire.send"); client.annotate("wire.recv");
      var join=t.joinSpan(client.context()).kind(Span.Kind.SERVER).name("get /stock").start(); join.error(new RuntimeException("sold out")); join.finish();
      client.finish();
      var p=t.newChild(server.context()).kind(Span.Kind.PRODUCER).name("send").remoteServiceName("kafka").start(); p.tag("kafka.topic","orders"); p.flush();
      var local=t.newChild(server.context()).name("encode").start(); local.finish();
      server.tag("http.status_code","500"); server.finish();
      h.flush(); h.close(); tracing.close(); sender.close();
      }
    }
  }
}
