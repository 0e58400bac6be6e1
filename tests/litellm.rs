//! LiteLLM's proxy, another gateway, as a real upstream: it starts without a network and answers with mock replies.

use crate::support::{Response, Server, get, litellm, post, question};
use serde_json::{Value, json};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::time::sleep;

/// Python takes its time to start on a busy machine.
const START: Duration = Duration::from_secs(150);
/// A key that opens nothing; LiteLLM refuses weak ones.
const KEY: &str = "sk-litellm-0123456789-0123456789-0123456789";

struct Proxy {
    child: Child,
    address: SocketAddr,
    folder: TempDir,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Proxy {
    async fn start() -> Self {
        let folder = TempDir::new().unwrap();
        let config = json!({ "model_list": [
            { "model_name": "mock", "litellm_params": { "model": "openai/mock", "api_key": "none", "mock_response": "Paris, says the mock." } },
        ] });
        // JSON is YAML.
        std::fs::write(folder.path().join("c.yaml"), config.to_string()).unwrap();
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let child = command(folder.path(), address).spawn().unwrap();
        let mut proxy = Self { child, address, folder };
        proxy.ready().await;
        proxy
    }

    async fn ready(&mut self) {
        let until = Instant::now() + START;
        loop {
            let connected = tokio::net::TcpStream::connect(self.address).await.is_ok();
            if connected && get(self.address, "/health/liveliness").await.status == 200 {
                return;
            }
            let log = || std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
            assert!(self.child.try_wait().unwrap().is_none(), "LiteLLM has ended: {}", log());
            assert!(Instant::now() < until, "LiteLLM is not ready: {}", log());
            sleep(Duration::from_millis(200)).await;
        }
    }
}

fn command(folder: &Path, address: SocketAddr) -> Command {
    let mut command = Command::new(litellm());
    let log = std::fs::File::create(folder.join("log")).unwrap();
    let port = address.port().to_string();
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", folder);
    command.env("LITELLM_MASTER_KEY", KEY).env("LITELLM_LOCAL_MODEL_COST_MAP", "True").env("LITELLM_LOG", "ERROR");
    command.current_dir(folder).args([
        "--config",
        "c.yaml",
        "--host",
        "127.0.0.1",
        "--port",
        &port,
        "--num_workers",
        "1",
    ]);
    command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
    command
}

async fn ask(server: &Server, path: &str, body: &Value) -> Response {
    let reply = post(server.address(), path, body.to_string().as_bytes()).await.finish().await;
    assert_eq!(reply.status, 200, "{path}: {}", reply.text());
    reply
}

#[tokio::test(flavor = "multi_thread")]
async fn every_dialect_reaches_a_gateway_behind_us() {
    let proxy = Proxy::start().await;
    let key = proxy.folder.path().join("key");
    std::fs::write(&key, KEY).unwrap();
    let server = Server::start(&format!(
        "[[provider]]\nname = \"lite\"\nkind = \"litellm\"\nbase_url = \"http://{}/v1\"\napi_key = \"file:{}\"\nmodels = [\"mock\"]\n",
        proxy.address,
        key.display()
    ));
    let said = "Paris, says the mock.";
    let chat = ask(&server, "/v1/chat/completions", &question("lite/mock", false)).await.json();
    assert_eq!(chat["choices"][0]["message"]["content"], said);
    assert!(chat["usage"]["total_tokens"].as_u64() > Some(0), "{chat}");

    let streamed = ask(&server, "/v1/chat/completions", &question("lite/mock", true)).await;
    assert!(streamed.text().trim_end().ends_with("data: [DONE]"), "{}", streamed.text());

    let user = json!([{ "role": "user", "content": "capital of France?" }]);
    let message = json!({ "model": "mock", "max_tokens": 50, "messages": user });
    let message = ask(&server, "/v1/messages", &message).await.json();
    assert_eq!((&message["type"], &message["content"][0]["text"]), (&json!("message"), &json!(said)));

    let stream = json!({ "model": "mock", "max_tokens": 50, "messages": user, "stream": true });
    let stream = ask(&server, "/v1/messages", &stream).await;
    let text = stream.text();
    assert_eq!((text.matches("event: message_start").count(), text.matches("event: message_stop").count()), (1, 1));

    let response = json!({ "model": "lite/mock", "input": "capital of France?" });
    let response = ask(&server, "/v1/responses", &response).await.json();
    let output = response["output"].as_array().unwrap();
    let words = output.iter().find(|item| item["type"] == "message").unwrap();
    assert_eq!(words["content"][0]["text"], said, "{response}");

    let lines = ask(&server, "/api/chat", &json!({ "model": "lite/mock", "messages": user })).await;
    let last: Value = serde_json::from_str(lines.text().lines().last().unwrap()).unwrap();
    assert_eq!(last["done"], true, "{last}");
}
