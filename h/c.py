import socket,sys,time
N=1000; ss=[]
for i in range(N):
    s=socket.create_connection(("127.0.0.1",8812)); 
    b=('{"model":"sim/m","temperature":0,"stream":true,"max_tokens":50,"messages":[{"role":"user","content":"say a word %d please and again for a while"}]}'%i).encode()
    s.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1:8812\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"%len(b)+b); ss.append(s)
time.sleep(float(sys.argv[1]))
print(len(ss), ss[0].recv(3000)[:600]); sys.stdout.flush()
time.sleep(4)
