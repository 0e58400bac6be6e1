//! Models that answer by a script: the default when no provider is known, and what `althing simulate` serves.
//!
//! Everything they say is marked as simulated. They misbehave on purpose: late, failing, rate limiting, hanging,
//! dripping, breaking off, sending rubbish. The same seed and order of requests gives the same behaviour.

pub use script::{Act, Latency, Scene, Script, ScriptError, ToolCallScript, embedding};

use crate::{Call, ChatFuture, EmbedCall, EmbedFuture, Kind, ModelError, Provider, RegistryError, Replied, Reply};
use bytes::Bytes;
use futures_util::StreamExt;
use measure::UpstreamMetrics;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use wire::Dialect;
use wire::openai::{ChatReply, ChatRequest, EmbeddingReply};

/// The kind `scripted`.
pub const KIND: Kind = Kind { name: "scripted", build };

struct Scripted {
    scenes: BTreeMap<String, Scene>,
    fallback: Scene,
}

fn build(
    provider: &settings::Provider,
    _observed: Option<UpstreamMetrics>,
) -> Result<Arc<dyn Provider>, RegistryError> {
    let mut scenes = BTreeMap::new();
    for entry in &provider.models {
        let script = match &entry.script {
            None => Script::default(),
            Some(table) => Script::from_table(table)
                .map_err(|error| RegistryError::Script { model: format!("{}/{}", provider.name, entry.name), error })?,
        };
        let name = entry.upstream_name.as_ref().unwrap_or(&entry.name);
        scenes.insert(name.clone(), Scene::new(script, name));
    }
    Ok(Arc::new(Scripted { scenes, fallback: Scene::new(Script::default(), "") }))
}

impl Provider for Scripted {
    fn chat<'a>(&'a self, call: Call<'a>) -> ChatFuture<'a> {
        Box::pin(self.play(call))
    }

    fn embed<'a>(&'a self, call: EmbedCall<'a>) -> EmbedFuture<'a> {
        Box::pin(self.play_vectors(call))
    }

    fn simulated(&self) -> bool {
        true
    }
}

impl Scripted {
    /// What happens to a request, after its latency; errors of the script's are returned.
    async fn act(&self, request: &ChatRequest, model: &str) -> Result<Act, ModelError> {
        let scene = self.scenes.get(model).unwrap_or(&self.fallback);
        let act = scene.next(request, model);
        tokio::time::sleep(act.latency).await;
        if act.hang {
            std::future::pending::<()>().await;
        }
        if let Some(status) = act.status {
            return Err(ModelError::of_status(status, None, act.retry_after));
        }
        if act.garbage {
            return Err(ModelError::NotAReply { what: "the script says so".to_owned() });
        }
        Ok(act)
    }

    async fn play_vectors(&self, call: EmbedCall<'_>) -> Result<EmbeddingReply, ModelError> {
        // Scripts are played to chats, and nothing here depends on what such a chat would say.
        self.act(&ChatRequest::from_prompt(call.model, ""), call.model).await?;
        embedding::embed(call.request).ok_or_else(|| {
            let what = "numbers of tokens, and more than 4096 figures, are beyond a script".to_owned();
            ModelError::Untranslatable { what }
        })
    }

    async fn play(&self, call: Call<'_>) -> Result<Replied, ModelError> {
        let act = self.act(call.request, call.model).await?;
        if !call.request.stream() {
            let reply = ChatReply::parse(act.reply()).map_err(|error| ModelError::not_a_reply(&error))?;
            return Ok(Reply::Whole(reply).into());
        }
        let blocks = Box::pin(stream(act));
        Ok(Reply::Stream { blocks, dialect: Dialect::Chat, simulated: true, hides_usage: false }.into())
    }
}

/// The events of an act at its pace; an act that is cut ends in an error.
fn stream(act: Act) -> impl futures_util::Stream<Item = Result<Bytes, ModelError>> + Send {
    let pace = act.token_wait;
    let events = act.events();
    let end = act.cut_after.map(|_| Err(ModelError::Cut));
    futures_util::stream::iter(events.into_iter().map(Ok).chain(end)).enumerate().then(move |(at, event)| async move {
        if at > 0 && pace > Duration::ZERO {
            tokio::time::sleep(pace).await;
        }
        event
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Opening;
    use crate::fixture::drain;

    fn provider(models: &str) -> Arc<dyn Provider> {
        let text = format!("name = \"s\"\nkind = \"scripted\"\nmodels = {models}");
        build(&toml::from_str(&text).unwrap(), None).unwrap()
    }

    async fn ask(provider: &dyn Provider, model: &str) -> Result<Reply, ModelError> {
        let request = ChatRequest::from_prompt(model, "hello there");
        let replied =
            provider.chat(Call { request: &request, model, request_id: "r", ear: &crate::Ear::default() }).await;
        replied.map(|replied| replied.reply)
    }

    #[tokio::test(start_paused = true)]
    async fn answers_after_its_latency() {
        let provider =
            provider(r#"[{ name = "a", script = { latency = { ms = 250 }, answers = ["you said {prompt}"] } }]"#);
        let before = tokio::time::Instant::now();
        let Reply::Whole(reply) = ask(provider.as_ref(), "a").await.unwrap() else { panic!("a stream") };
        assert_eq!(before.elapsed(), Duration::from_millis(250));
        assert_eq!(reply.answer(), "you said hello there");
        assert!(reply.usage().is_some() && provider.simulated());
    }

    #[tokio::test(start_paused = true)]
    async fn fails_as_told() {
        let provider = provider(
            r#"[{ name = "e", script = { error_rate = 1.0, error_status = 502 } },
                { name = "r", script = { rate_limit_rate = 1.0, retry_after_s = 3 } },
                { name = "g", script = { garbage_rate = 1.0 } }]"#,
        );
        let fault = |model: &'static str| {
            let provider = Arc::clone(&provider);
            async move { ask(provider.as_ref(), model).await.err().unwrap() }
        };
        assert!(matches!(fault("e").await, ModelError::Failed { status: 502, .. }));
        assert_eq!(fault("r").await, ModelError::RateLimited { retry_after: Some(Duration::from_secs(3)) });
        assert!(matches!(fault("g").await, ModelError::NotAReply { .. }));
    }

    #[tokio::test(start_paused = true)]
    async fn a_scripted_status_means_what_it_means_everywhere() {
        for (status, expect) in [
            (400, ModelError::Refused { status: 400, code: None }),
            (401, ModelError::Unauthorised { status: 401 }),
            (404, ModelError::Refused { status: 404, code: None }),
            (503, ModelError::Failed { status: 503, code: None, retry_after: None }),
        ] {
            let text = format!("[{{ name = 'e', script = {{ error_rate = 1.0, error_status = {status} }} }}]");
            assert_eq!(ask(provider(&text).as_ref(), "e").await.err().unwrap(), expect);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn streams_at_its_pace_and_breaks_off_behind_the_endpoint() {
        let registry = crate::fixture::registry(
            "[[provider]]
             name = 's'
             kind = 'scripted'
             models = [{ name = 'm', script = { answers = ['a b'], token_ms = 50 } },
                 { name = 'cut', script = { cut_rate = 1.0, cut_after = 2 } },
                 { name = 'early', script = { cut_rate = 1.0, cut_after = 1 } },
                 { name = 'hang', script = { hang_rate = 1.0 } }]",
        );
        let open = async |name: &str| crate::fixture::open(&registry.find(name).unwrap(), Opening::FirstToken).await;
        let before = tokio::time::Instant::now();
        let (text, error) = drain(&mut open("m").await.unwrap()).await;
        assert!(text.ends_with("data: [DONE]\n\n") && error.is_none());
        assert_eq!(before.elapsed(), Duration::from_millis(200));
        let (text, error) = drain(&mut open("cut").await.unwrap()).await;
        assert_eq!((text.matches("data: ").count(), error), (2, Some(ModelError::Cut)));
        assert_eq!(open("early").await.map(|_| ()).unwrap_err(), ModelError::Cut);
        let late = open("hang").await.map(|_| ()).unwrap_err();
        assert_eq!(late, ModelError::TimedOut { within: crate::fixture::LONG });
    }

    #[test]
    fn a_wrong_script_is_refused_with_the_model_named() {
        let text = "name = \"s\"\nkind = \"scripted\"\nmodels = [{ name = \"a\", script = { latencyy = 1 } }]";
        let error = build(&toml::from_str(text).unwrap(), None).err().unwrap();
        assert!(error.to_string().starts_with("the script of `s/a` is wrong: unknown field `latencyy`"), "{error}");
    }
}
