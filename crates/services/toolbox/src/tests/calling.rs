//! Calls: checked, sent, answered, replayed, counted, learned from.

use super::*;
use testkit::{Reply, Upstream};

/// A pet shop's API.
fn document(base: &str) -> String {
    json!({
        "openapi": "3.1.0", "info": { "title": "Pet shop", "version": "1" }, "servers": [{ "url": base }],
        "paths": {
            "/pets/{id}": {
                "get": { "operationId": "getPet", "summary": "Tell about a pet", "parameters": [
                    { "name": "id", "in": "path", "required": true, "schema": { "type": "integer" } },
                    { "name": "verbose", "in": "query", "schema": { "type": "boolean" } }] },
                "delete": { "operationId": "removePet", "summary": "Remove a pet", "parameters": [
                    { "name": "id", "in": "path", "required": true, "schema": { "type": "integer" } }] }
            },
            "/pets": { "post": { "operationId": "addPet", "summary": "Add a pet", "requestBody": { "required": true, "content": {
                "application/json": { "schema": { "type": "object", "required": ["name"], "properties": {
                    "name": { "type": "string" }, "kind": { "enum": ["cat", "dog"] } } } } } } } }
        }
    })
    .to_string()
}

struct Shop {
    bench: Bench,
    upstream: Upstream,
}

impl Shop {
    async fn open(script: impl Fn(&testkit::Seen) -> Reply + Send + Sync + 'static, tools: &str) -> Self {
        let upstream = Upstream::start(script).await;
        let secret = upstream.addr().port();
        let credential = format!(
            "[[tools.credential]]\nname = 'shop'\nheader = 'x-shop-key'\nprefix = 'Key '\nsecret = 'file:{}'\nhosts = ['127.0.0.1:{secret}']\n",
            secret_file().display()
        );
        let settings = format!("allowed_networks = ['127.0.0.0/8']\n{tools}\n{credential}");
        let bench = Bench::with(&settings).await;
        let defaults = Defaults { credential: Some("shop".to_owned()), trust_read_only: true, ..Defaults::default() };
        let report = bench.toolbox.import(&root(), document(&upstream.url()).as_bytes(), None, defaults).await.unwrap();
        assert_eq!((report.format, report.added, report.refused_total), ("openapi", 3, 0), "{report:?}");
        Self { bench, upstream }
    }

    async fn call(&self, id: &str, arguments: Value) -> Result<Value, caller::ToolFault> {
        self.bench.ask(&root(), "call_tool", json!({ "id": id, "arguments": arguments })).await
    }
}

/// A file with a secret in it, which stays for the other cases.
fn secret_file() -> std::path::PathBuf {
    let path = std::env::temp_dir().join(format!("toolbox-secret-{}", std::process::id()));
    std::fs::write(&path, "s3cr3t-of-the-shop\n").unwrap();
    path
}

fn pet(_: &testkit::Seen) -> Reply {
    Reply::json(200, &json!({ "name": "Rex" }))
}

#[tokio::test]
async fn an_operation_is_found_described_and_called() {
    let shop = Shop::open(pet, "").await;
    assert_eq!(shop.bench.ids(&root(), "tell about a pet").await[0], "pet_shop__getPet");
    let told = shop.bench.ask(&root(), "describe_tools", json!({ "ids": ["pet_shop__getPet"] })).await.unwrap();
    let tool = &told["tools"][0];
    assert_eq!(
        (&tool["type"], &tool["call_with"], &tool["http"]["method"]),
        (&json!("http"), &json!("call_read_tool"), &json!("GET"))
    );
    assert!(!told.to_string().contains("s3cr3t"));
    let answer = shop.call("pet_shop__getPet", json!({ "id": 7, "verbose": true })).await.unwrap();
    assert_eq!(answer, json!({ "result": { "name": "Rex" } }));
    let seen = shop.upstream.seen();
    assert_eq!((seen[0].method.as_str(), seen[0].path.as_str()), ("GET", "/v1/pets/7?verbose=true"));
    assert_eq!(seen[0].header("x-shop-key"), Some("Key s3cr3t-of-the-shop"));
    shop.call("pet_shop__addPet", json!({ "name": "Tom", "kind": "cat" })).await.unwrap();
    assert_eq!(shop.upstream.seen()[1].json(), json!({ "name": "Tom", "kind": "cat" }));
    let info = shop.bench.toolbox.get(&root(), "pet_shop__getPet").await.unwrap();
    assert_eq!((info.calls, info.success_rate), (1, Some(1.0)));
    // How calls went outlives the server.
    let bench = shop.bench.again().await;
    assert_eq!(bench.toolbox.get(&root(), "pet_shop__addPet").await.unwrap().calls, 1);
}

#[tokio::test]
async fn wrong_arguments_are_told_with_the_schema_and_nothing_is_sent() {
    let shop = Shop::open(pet, "").await;
    let refused = shop.call("pet_shop__addPet", json!({ "nmae": "Tom", "kind": "cow" })).await.unwrap_err();
    assert_eq!(refused.code, "arguments_unfit");
    for part in ["`name` is missing", "did you mean `name`?", "`kind` must be one of [\"cat\",\"dog\"]"] {
        assert!(refused.message.contains(part), "{part}: {}", refused.message);
    }
    assert!(refused.hint.unwrap().contains("\"required\":[\"name\"]"));
    let refused =
        shop.bench.ask(&root(), "call_tool", json!({ "id": "pet_shop__addPet", "arguments": 7 })).await.unwrap_err();
    assert!(refused.hint.unwrap().contains("\"required\":[\"name\"]"));
    let text = json!({ "id": "pet_shop__addPet", "arguments": "{\"name\": \"Tom\"}" });
    assert!(shop.bench.ask(&root(), "call_tool", text).await.is_ok(), "an object that was written as text is read");
    let unknown = shop.call("pet_shop__getPets", json!({})).await.unwrap_err();
    assert!(unknown.hint.unwrap().starts_with("did you mean `pet_shop__getPet`"));
    assert_eq!(shop.upstream.seen().len(), 1);
}

#[tokio::test]
async fn only_what_is_vouched_for_is_called_as_read_only() {
    let shop = Shop::open(pet, "").await;
    let read =
        async |id: &str| shop.bench.ask(&root(), "call_read_tool", json!({ "id": id, "arguments": { "id": 1 } })).await;
    assert!(read("pet_shop__getPet").await.is_ok());
    let refused = read("pet_shop__removePet").await.unwrap_err();
    assert_eq!((refused.code, refused.kind), ("tool_not_read_only", fault::Kind::Forbidden));
    assert_eq!(shop.upstream.seen().len(), 1);
}

#[tokio::test]
async fn what_fails_is_told_without_secrets() {
    let script = |seen: &testkit::Seen| match seen.path.as_str() {
        "/v1/pets/1" => Reply::json(422, &json!({ "error": "no such pet", "you_sent": "Key s3cr3t-of-the-shop" })),
        "/v1/pets/2" => Reply::body(500, "text/plain", "stack trace with s3cr3t-of-the-shop"),
        "/v1/pets/3" => Reply::json(429, &json!({})).header("retry-after", "7"),
        "/v1/pets/4" => Reply::json(200, &json!({ "echo": "Key s3cr3t-of-the-shop" })),
        _ => Reply::hang(),
    };
    let shop = Shop::open(script, "timeout_ms = 300").await;
    let failed = async |id: u32| shop.call("pet_shop__getPet", json!({ "id": id })).await.unwrap_err();
    let error = failed(1).await;
    assert_eq!(error.message, "`pet_shop__getPet` answered with status 422");
    let told = format!("{error:?}");
    assert!(!told.contains("s3cr3t") && !told.contains("no such pet"), "{told}");
    let error = failed(2).await;
    assert_eq!(
        (error.message.as_str(), error.kind),
        ("`pet_shop__getPet` answered with status 500", fault::Kind::Unavailable)
    );
    let error = failed(3).await;
    assert_eq!(error.retry, fault::Retry::After(Duration::from_secs(7)));
    let error = failed(5).await;
    assert_eq!(error.kind, fault::Kind::Deadline, "{error:?}");
    let answer = shop.call("pet_shop__getPet", json!({ "id": 4 })).await.unwrap();
    assert_eq!(answer["result"]["echo"], "Key ***");
    let info = shop.bench.toolbox.get(&root(), "pet_shop__getPet").await.unwrap();
    assert_eq!((info.calls, info.success_rate), (5, Some(0.2)));
}

#[tokio::test]
async fn private_addresses_are_refused_unless_allowed() {
    let bench = Bench::sqlite().await;
    let base = "http://127.0.0.1:8080/v1";
    bench.toolbox.import(&root(), document(base).as_bytes(), None, Defaults::default()).await.unwrap();
    let refused = bench
        .ask(&root(), "call_tool", json!({ "id": "pet_shop__getPet", "arguments": { "id": 1 } }))
        .await
        .unwrap_err();
    assert_eq!((refused.code, refused.kind), ("tool_unreachable", fault::Kind::Forbidden), "{refused:?}");
}

#[tokio::test]
async fn a_credential_goes_to_its_hosts_and_tenants_alone() {
    let shop = Shop::open(pet, "").await;
    let named = |name: &str| Defaults {
        credential: Some(name.to_owned()),
        server: Some("copy".to_owned()),
        base_url: Some("http://127.0.0.1:1/v1".to_owned()),
        ..Defaults::default()
    };
    let text = document("https://a.example");
    let refused = shop.bench.toolbox.import(&root(), text.as_bytes(), None, named("shpo")).await.unwrap_err();
    assert_eq!(refused.to_string(), "there is no credential `shpo`");
    shop.bench.toolbox.import(&root(), text.as_bytes(), None, named("shop")).await.unwrap();
    let refused = shop.call("copy__getPet", json!({ "id": 1 })).await.unwrap_err();
    assert_eq!(refused.message, "the credential `shop` cannot be used: it is not for the host that the tool is at");
}

#[tokio::test]
async fn what_nothing_here_can_call_says_so() {
    let bench = Bench::sqlite().await;
    bench.import(&some()).await;
    let arguments = json!({ "id": "slack__send_message", "arguments": { "title": "x" } });
    let refused = bench.ask(&root(), "call_tool", arguments).await.unwrap_err();
    assert_eq!(refused.message, "`slack__send_message` cannot be called: the server `slack` is not connected");
}

#[tokio::test]
async fn large_results_are_read_by_their_address() {
    let large = json!({ "text": "x".repeat(5_000) });
    let answer = large.clone();
    let shop = Shop::open(move |_| Reply::json(200, &answer), "inline_bytes_max = 1000").await;
    let told = shop.call("pet_shop__getPet", json!({ "id": 1 })).await.unwrap();
    assert!(told["result"].is_null() && told["preview"].as_str().unwrap().len() <= 502);
    let link = caller::ResourceLink::of(&told).unwrap();
    assert!(link.uri.starts_with("tool://result/") && link.size > Some(5_000), "{link:?}");
    let resources = shop.bench.toolbox.resources();
    let content = resources.read(&caller(&root()), &link.uri).await.unwrap();
    assert_eq!(
        (serde_json::from_slice::<Value>(&content.bytes).unwrap(), &content.mime[..]),
        (large, "application/json")
    );
    assert_eq!(resources.list(&caller(&root())).await.unwrap()[0].uri, link.uri);
    let other = resources.read(&caller(&user("other", Role::Admin)), &link.uri).await.unwrap_err();
    assert_eq!(other.kind, fault::Kind::NotFound);
    let definition = resources.read(&caller(&root()), "tool://pet_shop__getPet").await.unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&definition.bytes).unwrap()["name"], "getPet");
    assert_eq!(resources.templates().len(), 2);
    for wrong in ["tool://nobody", "file:///etc/passwd", "tool://result/00000000000000000000000000000000"] {
        assert_eq!(resources.read(&caller(&root()), wrong).await.unwrap_err().kind, fault::Kind::NotFound, "{wrong}");
    }
}

#[tokio::test]
async fn the_same_key_is_the_same_call() {
    let failing = Arc::new(std::sync::atomic::AtomicBool::new(true));
    let fails = Arc::clone(&failing);
    let script = move |_: &testkit::Seen| match fails.load(std::sync::atomic::Ordering::SeqCst) {
        true => Reply::json(503, &json!({})),
        false => Reply::json(200, &json!({ "n": 1 })),
    };
    let shop = Shop::open(script, "").await;
    let call = async |name: &str, key: &str| {
        let arguments = json!({ "id": "pet_shop__addPet", "arguments": { "name": name }, "idempotency_key": key });
        shop.bench.ask(&root(), "call_tool", arguments).await
    };
    assert!(call("Tom", "k").await.is_err());
    failing.store(false, std::sync::atomic::Ordering::SeqCst);
    assert_eq!(call("Tom", "k").await.unwrap(), json!({ "result": { "n": 1 } }), "what failed is called again");
    assert_eq!(call("Tom", "k").await.unwrap(), json!({ "result": { "n": 1 }, "replayed": true }));
    let refused = call("Rex", "k").await.unwrap_err();
    assert_eq!((refused.code, refused.kind), ("idempotency_key_reused", fault::Kind::Conflict));
    assert_eq!(call("Rex", &"k".repeat(201)).await.unwrap_err().kind, fault::Kind::BadInput);
    assert_eq!(shop.upstream.seen().len(), 2);
    // Another tenant's key is another key.
    let other = user("other", Role::User);
    let arguments = json!({ "id": "pet_shop__addPet", "arguments": { "name": "Rex" }, "idempotency_key": "k" });
    assert!(shop.bench.ask(&other, "call_tool", arguments).await.unwrap().get("replayed").is_none());
}

#[tokio::test]
async fn two_calls_with_one_key_at_once_are_one() {
    let shop = Shop::open(|_| Reply::json(200, &json!({})).after(Duration::from_millis(300)), "").await;
    let call = async || {
        let arguments = json!({ "id": "pet_shop__addPet", "arguments": { "name": "T" }, "idempotency_key": "k" });
        shop.bench.ask(&root(), "call_tool", arguments).await
    };
    let (one, two) = tokio::join!(call(), call());
    let fault = one.as_ref().err().or(two.as_ref().err()).unwrap();
    assert_eq!((fault.code, one.is_ok() || two.is_ok()), ("idempotency_key_running", true));
    assert_eq!(shop.upstream.seen().len(), 1);
}

#[tokio::test]
async fn what_led_to_a_call_is_learned_redacted_and_revocable() {
    let shop = Shop::open(pet, "").await;
    let who = root();
    let query = "adopt a puppy for ann@example.com about a pet";
    let found = shop.bench.ids(&who, query).await;
    assert!(found.contains(&"pet_shop__getPet".to_owned()), "{found:?}");
    shop.call("pet_shop__getPet", json!({ "id": 1 })).await.unwrap();
    let learned = async || {
        // The answer does not wait for it.
        tokio::time::sleep(Duration::from_millis(300)).await;
        let all = shop.bench.retrieval.learned(&retrieval::Collection::Tools, "default", None).await.unwrap();
        all.into_iter().map(|it| it.query.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(learned().await, ["adopt a puppy for about a pet"]);
    assert_eq!(shop.bench.ids(&who, "adopt a puppy").await.first().map(String::as_str), Some("pet_shop__getPet"));
    // A call that failed, or that nothing led to, teaches nothing.
    let _ = shop.call("pet_shop__addPet", json!({})).await;
    shop.call("pet_shop__removePet", json!({ "id": 1 })).await.unwrap();
    assert_eq!(learned().await.len(), 2, "`removePet` was shown too, for the last question");
    assert_eq!(shop.bench.toolbox.forget(&who, Some("pet_shop__getPet")).await.unwrap(), 1);
    assert_eq!(shop.bench.toolbox.forget(&who, None).await.unwrap(), 1);
    assert!(learned().await.is_empty());
    assert!(shop.bench.toolbox.forget(&user("acme", Role::User), None).await.is_err());
}

#[tokio::test]
async fn a_credential_is_not_sent_in_the_clear_to_a_name() {
    let shop = Shop::open(pet, "").await;
    let mut tools = shop.bench.settings.tools.clone();
    let port = shop.upstream.addr().port();
    let call = async || shop.call("pet_shop__getPet", json!({ "id": 1 })).await;
    tools.allowed_networks = vec!["10.0.0.0/8".to_owned()];
    shop.bench.toolbox.reload(tools.clone());
    let refused = call().await.unwrap_err();
    assert!(refused.message.contains("without TLS"), "{}", refused.message);
    assert!(shop.upstream.seen().is_empty());
    tools.credential[0].hosts = vec![format!("http://127.0.0.1:{port}")];
    shop.bench.toolbox.reload(tools);
    call().await.unwrap();
    assert_eq!(shop.upstream.seen()[0].header("x-shop-key"), Some("Key s3cr3t-of-the-shop"));
}
