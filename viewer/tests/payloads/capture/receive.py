import http.server,sys,os
n=[0]
class H(http.server.BaseHTTPRequestHandler):
    protocol_version='HTTP/1.1'
    def do_POST(s):
        if s.headers.get('transfer-encoding')=='chunked':
            b=b''
            while True:
                l=int(s.rfile.readline().strip(),16); b+=s.rfile.read(l); s.rfile.readline()
                if l==0: break
        else: b=s.rfile.read(int(s.headers.get('content-length',0)))
        n[0]+=1
        f='out/%03d'%n[0]
        open(f,'wb').write(b); open(f+'.h','w').write(s.path+'\n'+str(s.headers))
        s.send_response(202); s.send_header('content-length','0'); s.end_headers()
    def log_message(s,*a): pass
os.makedirs('out',exist_ok=True)
http.server.ThreadingHTTPServer(('127.0.0.1',29500),H).serve_forever()
