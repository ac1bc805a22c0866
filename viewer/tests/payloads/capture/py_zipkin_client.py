import sys; sys.path.insert(0,'py')
import requests
from py_zipkin.zipkin import zipkin_span, zipkin_client_span, zipkin_server_span, ZipkinAttrs
from py_zipkin.encoding import Encoding
from py_zipkin.transport import BaseTransportHandler
import py_zipkin.zipkin as z
def transport(ct):
    def t(p): requests.post('http://127.0.0.1:29500/api/v2/spans?lib=py_zipkin',data=p,headers={'content-type':ct})
    return t
for enc,ct in ((Encoding.V2_JSON,'application/json'),):
    with zipkin_server_span(service_name='Py-Shop',span_name='GET /items',transport_handler=transport(ct),sample_rate=100,encoding=enc,port=8080,binary_annotations={'http.method':'GET','http.status_code':200}) as s:
        with zipkin_client_span(service_name='py-shop',span_name='inventory') as c:
            c.update_binary_annotations({'http.url':'http://inventory/ä'}); c.add_annotation('retry'); c.add_sa_binary_annotation(port=80,service_name='inventory',host='10.1.2.3')
        with zipkin_span(service_name='py-shop',span_name='local work') as l: l.update_binary_annotations({'error':'boom'})
# joined (shared)
attrs=ZipkinAttrs(trace_id='463ac35c9f6413ad48485a3953bb6124',span_id='0020000000000001',parent_span_id='0000000000000001',flags='0',is_sampled=True)
with zipkin_server_span(service_name='py-shop',span_name='joined',transport_handler=transport('application/json'),zipkin_attrs=attrs,encoding=Encoding.V2_JSON,port=0): pass
