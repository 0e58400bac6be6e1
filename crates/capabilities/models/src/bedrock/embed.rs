//! Vectors by Amazon's Titan and by Cohere, each asked in the words of its own documents: Bedrock has none in common.

use super::Bedrock;
use crate::http::JSON;
use crate::{EmbedCall, ModelError};
use futures_util::stream::{self, StreamExt, TryStreamExt};
use net::collect;
use serde::Deserialize;
use serde_json::json;
use wire::openai::{EmbeddingReply, Usage};

/// Titan reads one text at a time: so many are asked for at once.
const AT_ONCE: usize = 5;
/// Texts in one request to Cohere, at most.
const COHERE_TEXTS_MAX: usize = 96;
/// What the vectors are for: Cohere wants to be told, and a client of OpenAI's has no word for it.
const INPUT_TYPE: &str = "search_document";

/// What Titan answers.
#[derive(Deserialize)]
struct Titan {
    embedding: Vec<f32>,
    #[serde(rename = "inputTextTokenCount")]
    tokens: Option<u64>,
}

/// What Cohere answers: older models a list, newer ones lists by type.
#[derive(Deserialize)]
#[serde(untagged)]
enum Cohere {
    Plain { embeddings: Vec<Vec<f32>> },
    Typed { embeddings: Floats },
}

#[derive(Deserialize)]
struct Floats {
    float: Vec<Vec<f32>>,
}

pub(super) async fn ask(bedrock: &Bedrock, call: EmbedCall<'_>) -> Result<EmbeddingReply, ModelError> {
    let unreadable = || ModelError::Untranslatable { what: "it reads texts, not numbers of tokens".to_owned() };
    let texts = call.request.texts().ok_or_else(unreadable)?;
    let (vectors, tokens) = match () {
        () if call.model.contains("titan-embed") => titan(bedrock, call, texts).await?,
        () if call.model.contains("cohere.embed") => (cohere(bedrock, call, texts).await?, None),
        () => return Err(ModelError::Unsupported { what: "embeddings by this model" }),
    };
    if vectors.len() != texts.len() {
        return Err(ModelError::NotAReply {
            what: "it has another number of vectors than there were texts".to_owned(),
        });
    }
    let usage = tokens.map(|read| Usage { prompt_tokens: read, total_tokens: read, ..Usage::default() });
    Ok(EmbeddingReply::compose(call.model, &vectors, call.request.figures(), usage))
}

/// One text after the other, a few at once, in their order; how many tokens, if all were counted.
async fn titan(
    bedrock: &Bedrock,
    call: EmbedCall<'_>,
    texts: &[String],
) -> Result<(Vec<Vec<f32>>, Option<u64>), ModelError> {
    let one = |text: &String| {
        let mut body = json!({ "inputText": text });
        if let Some(dimensions) = call.request.dimensions() {
            body["dimensions"] = dimensions.into();
        }
        async move { invoke::<Titan>(bedrock, call, body.to_string()).await }
    };
    let told: Vec<Titan> = stream::iter(texts.iter().map(one)).buffered(AT_ONCE).try_collect().await?;
    let tokens = told.iter().map(|titan| titan.tokens).sum();
    Ok((told.into_iter().map(|titan| titan.embedding).collect(), tokens))
}

async fn cohere(bedrock: &Bedrock, call: EmbedCall<'_>, texts: &[String]) -> Result<Vec<Vec<f32>>, ModelError> {
    let mut vectors = Vec::with_capacity(texts.len());
    for texts in texts.chunks(COHERE_TEXTS_MAX) {
        let body = json!({ "texts": texts, "input_type": INPUT_TYPE, "truncate": "NONE" });
        vectors.extend(match invoke::<Cohere>(bedrock, call, body.to_string()).await? {
            Cohere::Plain { embeddings } => embeddings,
            Cohere::Typed { embeddings } => embeddings.float,
        });
    }
    Ok(vectors)
}

async fn invoke<T: serde::de::DeserializeOwned>(
    bedrock: &Bedrock,
    call: EmbedCall<'_>,
    body: String,
) -> Result<T, ModelError> {
    let response = bedrock.act(call.model, "invoke", JSON, body, (call.request_id, call.ear)).await?;
    let body = collect(response.into_body(), bedrock.reply_bytes_max).await?;
    serde_json::from_slice(&body).map_err(|_| ModelError::NotAReply { what: "it holds no vectors".to_owned() })
}

#[cfg(test)]
mod tests {
    use crate::fixture::{LONG, at, free, one};
    use bytes::Bytes;
    use serde_json::json;
    use testkit::{Reply, Upstream};
    use wire::openai::EmbeddingRequest;

    fn request(texts: &[&str]) -> EmbeddingRequest {
        EmbeddingRequest::parse(Bytes::from(json!({ "model": "p/m", "input": texts }).to_string())).unwrap()
    }

    fn provider(model: &str) -> String {
        format!(
            "kind = 'bedrock'\napi_key = 'env:CARGO_PKG_NAME'\naws = {{ region = 'eu-west-1' }}\nmodels = [{{ name = 'm', upstream_name = '{model}' }}]"
        )
    }

    #[tokio::test]
    async fn titan_is_asked_text_by_text_and_answers_in_their_order() {
        let upstream = Upstream::start(|seen| {
            let text = seen.json()["inputText"].as_str().unwrap().to_owned();
            Reply::json(200, &json!({ "embedding": [text.len()], "inputTextTokenCount": 2 }))
        })
        .await;
        let endpoint = at(&upstream, &provider("amazon.titan-embed-text-v2:0"), "");
        let texts = ["a", "bb", "ccc", "dddd", "eeeee", "ffffff", "ggggggg"];
        let told = endpoint.embed(&request(&texts), one("r"), &free(), LONG).await.unwrap().reply;
        assert_eq!(told.vectors(), [[1.0], [2.0], [3.0], [4.0], [5.0], [6.0], [7.0]]);
        assert_eq!(told.usage().unwrap().prompt_tokens, 14);
        assert!(
            upstream.seen()[0].path.ends_with("/model/amazon.titan-embed-text-v2%3A0/invoke"),
            "{:?}",
            upstream.seen()[0].path
        );
    }

    #[tokio::test]
    async fn cohere_is_asked_in_batches() {
        let upstream = Upstream::start(|seen| {
            let texts = seen.json()["texts"].as_array().unwrap().len();
            Reply::json(200, &json!({ "embeddings": vec![[0.5]; texts] }))
        })
        .await;
        let endpoint = at(&upstream, &provider("cohere.embed-english-v3"), "");
        let told = endpoint.embed(&request(&["x"; 100]), one("r"), &free(), LONG).await.unwrap();
        assert_eq!((told.reply.vectors().len(), upstream.seen().len(), told.cost), (100, 2, None));
        let endpoint = at(&upstream, &provider("anthropic.claude"), "");
        let error = endpoint.embed(&request(&["x"]), one("r"), &free(), LONG).await.map(drop).unwrap_err();
        assert_eq!(error.to_string(), "this provider has no embeddings by this model");
    }
}
