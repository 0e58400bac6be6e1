//! Checks of what answers questions: providers and the panels made of their models.

use crate::{Cause, Check, count};
use fault::{Explain, nearest, shown_ms};
use matrix::Matrix;
use models::{Finding, Kind, Preset, Probe};
use settings::{Panel, Provider};
use std::collections::BTreeSet;

/// Looks at all providers at once.
pub async fn probe_all(providers: Vec<Provider>, kinds: &'static [Kind]) -> Vec<(String, Probe)> {
    let probes: Vec<_> = providers
        .into_iter()
        .map(|provider| tokio::spawn(async move { (provider.name.clone(), models::probe(&provider, kinds).await) }))
        .collect();
    let mut found = Vec::new();
    for probe in probes {
        found.extend(probe.await);
    }
    found
}

/// What a look at a provider means.
pub(crate) fn judge(scripted: bool, provider: &Provider, probe: &Probe) -> Vec<Check> {
    let name = format!("provider {}", provider.name);
    let at = probe.address.as_deref().unwrap_or_default();
    let took = probe.took.as_millis();
    let failing = |status: u16| {
        let fix = "try again later, or look at the provider's status page".to_owned();
        Check::fail(&name, format!("{at} fails with {status}"), Some(fix), Cause::Unreachable)
    };
    let there = "check `base_url`: it usually ends in `/v1`";
    let one = match &probe.finding {
        Finding::Simulated if scripted => {
            let fix = "set OPENAI_API_KEY, or add a `[[provider]]` to althing.toml";
            Check::warn(&name, "no provider is set up: scripted models stand in, answers are simulated", fix)
        }
        Finding::Simulated => {
            Check::ok(&name, format!("simulated, {}", count(provider.models.len(), "scripted model")))
        }
        Finding::Listed(models) => {
            let listed = Check::ok(&name, format!("{at} answers in {took} ms, {}", count(models.len(), "model")));
            return std::iter::once(listed).chain(strangers(&name, provider, models)).collect();
        }
        Finding::NoList { status } => Check::ok(
            &name,
            format!("{at} answers in {took} ms, without a list of models ({status}), so the key is not proven"),
        ),
        Finding::NotAList => Check::warn(&name, format!("{at} answers, but not with a list of models"), there),
        Finding::KeyRefused { status } => {
            Check::fail(&name, format!("{at} refuses the key with {status}"), Some(key_fix(provider)), Cause::Other)
        }
        Finding::Answered { status: 429 } => {
            Check::warn(&name, format!("{at} is rate limiting us (429)"), "ask less often, or raise the limit there")
        }
        Finding::Answered { status: 402 } => {
            let fix = Some("top up the provider's account".to_owned());
            Check::fail(&name, format!("{at} says the account is out of credit (402)"), fix, Cause::Other)
        }
        Finding::Answered { status } if *status >= 500 => failing(*status),
        Finding::Answered { status } => Check::warn(&name, format!("{at} answers with {status}"), there),
        Finding::Unreachable(error) => Check::fail(&name, format!("{at}: {error}"), error.hint(), Cause::Unreachable),
        Finding::TimedOut { within } => {
            let fix = Some("check `base_url` and that it is reachable from here".to_owned());
            Check::fail(&name, format!("{at} did not answer within {}", shown_ms(*within)), fix, Cause::Unreachable)
        }
        Finding::Unusable(error) => Check::fail(&name, error.to_string(), error.hint(), Cause::Settings),
    };
    vec![one]
}

fn key_fix(provider: &Provider) -> String {
    match &provider.api_key {
        Some(key) => format!("put a valid key into `{key}`"),
        None => {
            let usual = Preset::find(&provider.kind).and_then(|preset| preset.key_env).unwrap_or("NAME");
            format!("give it a key: `api_key = \"env:{usual}\"`")
        }
    }
}

/// Models that settings list and the provider does not. A listed name may go on behind ours: `llama3:latest`.
fn strangers(name: &str, provider: &Provider, listed: &[String]) -> Vec<Check> {
    let ours = provider.models.iter().map(|model| model.upstream_name.as_ref().unwrap_or(&model.name));
    ours.filter(|ours| !listed.is_empty() && !listed.iter().any(|theirs| theirs.starts_with(ours.as_str())))
        .map(|ours| {
            let near = nearest(ours, listed.iter().map(String::as_str), 2);
            let fix = match near.is_empty() {
                true => "ask the provider what it is called".to_owned(),
                false => format!("did you mean `{}`?", near.join("` or `")),
            };
            Check::warn(name, format!("it does not list the model `{ours}`"), fix)
        })
        .collect()
}

/// What a panel is made of. Relatives tend to make the same mistakes, so that their agreement says less.
pub(crate) fn panel(name: String, panel: &Panel, plan: &Matrix) -> Check {
    let endpoints = plan.endpoints();
    let member = |model: &str| {
        endpoints
            .iter()
            .find(|one| one.id() == model || one.id().split_once('/').is_some_and(|(_, bare)| bare == model))
    };
    let known: Vec<_> = panel.members.iter().filter_map(|one| member(&one.model)).collect();
    let families: BTreeSet<&str> = known.iter().map(|endpoint| endpoint.family()).collect();
    let members = count(panel.members.len(), "member");
    if !known.is_empty() && known.len() == panel.members.len() && known.iter().all(|endpoint| endpoint.simulated()) {
        return Check::ok(name, format!("{members}, all simulated"));
    }
    if panel.members.len() > 1 && known.len() == panel.members.len() && families.len() == 1 {
        let family = families.into_iter().next().unwrap_or_default();
        let detail = format!("all {members} are of the family `{family}`, which tend to make the same mistakes");
        return Check::warn(name, detail, "add a model of another family");
    }
    Check::ok(name, format!("{members}, agreement {}", panel.agreement))
}
