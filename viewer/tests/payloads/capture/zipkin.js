const {Tracer,BatchRecorder,jsonEncoder:{JSON_V2},ExplicitContext,Annotation,TraceId,option:{Some,None}}=require('zipkin');
const {HttpLogger}=require('zipkin-transport-http');
const ctx=new ExplicitContext();
const rec=new BatchRecorder({logger:new HttpLogger({endpoint:'http://127.0.0.1:29500/api/v2/spans?lib=zipkin-js',jsonEncoder:JSON_V2,fetch:require('node-fetch'),httpInterval:200})});
const tracer=new Tracer({ctxImpl:ctx,recorder:rec,localServiceName:'JS-Front',traceId128Bit:true});
const {InetAddress}=require('zipkin');
tracer.scoped(()=>{
  tracer.setId(tracer.createRootId());
  const root=tracer.id;
  tracer.recordServiceName('js-front'); tracer.recordRpc('GET /'); tracer.recordAnnotation(new Annotation.ServerRecv()); tracer.recordBinary('http.path','/'); tracer.recordAnnotation(new Annotation.LocalAddr({port:3000}));
  tracer.scoped(()=>{
    tracer.setId(tracer.createChildId());
    tracer.recordRpc('get'); tracer.recordAnnotation(new Annotation.ClientSend()); tracer.recordAnnotation(new Annotation.ServerAddr({serviceName:'Backend',host:new InetAddress('10.0.0.9'),port:9000}));
    tracer.recordBinary('error','ECONNREFUSED'); tracer.recordMessage('retry'); tracer.recordAnnotation(new Annotation.ClientRecv());
  });
  tracer.scoped(()=>{
    tracer.setId(tracer.createChildId()); tracer.recordAnnotation(new Annotation.LocalOperationStart('compute')); tracer.recordAnnotation(new Annotation.LocalOperationStop());
  });
  tracer.setId(root);
  tracer.recordBinary('http.status_code','502'); tracer.recordAnnotation(new Annotation.ServerSend());
});
setTimeout(()=>process.exit(0),1500);
