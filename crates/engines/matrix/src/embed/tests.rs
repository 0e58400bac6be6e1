//! Vectors: who is asked, and who else.

use crate::AskError;
use crate::fixtures::*;
use bytes::Bytes;
use fault::Explain;
use testkit::{Reply, Upstream};
use wire::openai::EmbeddingRequest;

fn request(model: &str) -> EmbeddingRequest {
    let body = serde_json::json!({ "model": model, "input": ["a", "b"] }).to_string();
    EmbeddingRequest::parse(Bytes::from(body)).unwrap()
}

const VECTORS: &str = r#"{"data":[{"embedding":[1]},{"embedding":[2]}],"usage":{"prompt_tokens":2,"total_tokens":2}}"#;

#[tokio::test]
async fn a_route_falls_back_to_the_same_model_alone() {
    let down = Upstream::start(|_| Reply::error(500, "server_error", "")).await;
    let up = Upstream::start(|_| Reply::body(200, "application/json", VECTORS)).await;
    let other = Upstream::start(|_| Reply::body(200, "application/json", VECTORS)).await;
    let provider = |name: &str, url: &str, upstream: &str| {
        format!(
            "[[provider]]\nname = '{name}'\nbase_url = '{url}'\nmodels = [{{ name = 'e', upstream_name = '{upstream}' }}]\n"
        )
    };
    let text = [
        provider("a", &down.url(), "embed-3"),
        provider("b", &other.url(), "other-1"),
        provider("c", &up.url(), "embed-3"),
        "[[route]]\nname = 'r'\nrules = [{ models = ['a/e', 'b/e', 'c/e'] }]\n".to_owned(),
        "[[panel]]\nname = 'p'\nmembers = ['a/e']\n".to_owned(),
    ];
    let matrix = matrix(&text.concat());
    let vectors = matrix.embed(&caller(PATIENCE), &request("r")).await.unwrap();
    assert_eq!((vectors.report.served_by.as_str(), vectors.report.degraded), ("c/e", true));
    assert!(vectors.report.reasons[0].starts_with("`a/e` did not answer"), "{:?}", vectors.report.reasons);
    assert!(other.seen().is_empty(), "another model's vectors have nothing in common with these");
    let error = matrix.embed(&caller(PATIENCE), &request("p")).await.map(drop).unwrap_err();
    assert_eq!(error.code(), "panel_embeds");
    let error = matrix.embed(&caller(PATIENCE), &request("a/e")).await.map(drop).unwrap_err();
    assert!(matches!(error, AskError::NoAnswer { .. }), "{error}");
    let error = matrix.embed(&caller(PATIENCE), &request("a/f")).await.map(drop).unwrap_err();
    assert_eq!(error.code(), "model_not_found");
}

#[tokio::test]
async fn a_minute_that_is_used_up_is_told_with_its_end() {
    let up = Upstream::start(|_| Reply::body(200, "application/json", VECTORS)).await;
    let settings = provider("one", &up.url()).replace("name = \"m\"", "name = \"m\", rpm = 1");
    let matrix = matrix(&[settings, route(&["one"])].concat());
    matrix.embed(&caller(PATIENCE), &request("r")).await.unwrap();
    for name in ["r", "one/m"] {
        let error = matrix.embed(&caller(PATIENCE), &request(name)).await.map(drop).unwrap_err();
        assert_eq!((error.kind(), error.code()), (fault::Kind::RateLimited, "rate_limited_here"), "{error}");
        assert!(matches!(error.retry(), fault::Retry::After(wait) if wait.as_secs() >= 50), "{error:?}");
    }
}
