//! Checks of what is made of models: panels, routes, aliases, and whether there is anything to ask at all.

use crate::problems::{Plan, Problem};
use crate::{Check, count, providers};
use settings::Settings;

pub(crate) fn names(settings: &Settings, problems: &[Problem], plan: Plan<'_>, checks: &mut Vec<Check>) {
    let plan = plan(settings).ok();
    let wrong = |name: &str, label: &str| -> Vec<Check> {
        let about = problems.iter().filter(|problem| problem.name == name);
        about.map(|problem| Check::of_settings(label, &problem.error)).collect()
    };
    for panel in &settings.panel {
        let label = format!("panel {}", panel.name);
        let found = wrong(&panel.name, &label);
        match &plan {
            Some(plan) if found.is_empty() => checks.push(providers::panel(label, panel, plan)),
            _ => checks.extend(found),
        }
    }
    for route in &settings.route {
        let label = format!("route {}", route.name);
        let found = wrong(&route.name, &label);
        let fine = found.is_empty().then(|| Check::ok(label, count(route.rules.len(), "rule")));
        checks.extend(found.into_iter().chain(fine));
    }
    for alias in settings.alias.keys() {
        let label = format!("alias {alias}");
        checks.extend(wrong(&label, &label));
    }
    let Some(plan) = plan else { return };
    checks.push(match plan.default_model() {
        Some(model) => {
            Check::ok("models", format!("{} to ask, `{model}` by default", count(plan.models().len(), "name")))
        }
        None => Check::warn(
            "models",
            "no model is listed, so every request must name one",
            "list `models` in a `[[provider]]`",
        ),
    });
}
