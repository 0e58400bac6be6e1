//! ToolWeaver's settings: variables for a large model that plans and a small one that works, in a `.env` file or as
//! sections of YAML or JSON. Servers of tools are none of this room's concern.

use crate::address;
use crate::deployment::{Called, Deployment, Draft};
use crate::notes::Notes;
use crate::read::{Node, Tree, is_on};
use crate::variables::{Variables, upper};

/// ToolWeaver's providers, our kinds, the variables with their keys, and the models it asks unless told otherwise.
const PLANNERS: [(&str, &str, &str, &str); 6] = [
    ("openai", "openai", "OPENAI_API_KEY", "gpt-4o"),
    ("azure-openai", "azure", "AZURE_OPENAI_API_KEY", "gpt-4o"),
    ("azure", "azure", "AZURE_OPENAI_API_KEY", "gpt-4o"),
    ("anthropic", "anthropic", "ANTHROPIC_API_KEY", "claude-3-5-sonnet-20241022"),
    ("gemini", "gemini", "GOOGLE_API_KEY", "gemini-1.5-pro"),
    ("google", "gemini", "GOOGLE_API_KEY", "gemini-1.5-pro"),
];

/// Reads the files.
pub(crate) fn draft(files: &[Tree]) -> Draft {
    let mut draft = Draft::default();
    let mut variables = Variables::of(files, |keys| (keys.first() != Some(&"mcpServers")).then(|| upper(keys)));
    let planner = planner(&mut variables, &mut draft.notes);
    call(&mut draft, "planner", planner);
    let worker = worker(&mut variables, &mut draft.notes);
    call(&mut draft, "worker", worker);
    variables.leave_rest(&mut draft.notes, why);
    for file in files {
        servers(&file.root, &mut draft.notes);
    }
    draft
}

fn call(draft: &mut Draft, name: &str, deployment: Option<Deployment>) {
    let Some(deployment) = deployment else { return };
    let from = deployment.from.clone();
    draft.called.push(Called { name: name.to_owned(), deployments: vec![draft.deployments.len()], from });
    draft.deployments.push(deployment);
}

fn planner(variables: &mut Variables, notes: &mut Notes) -> Option<Deployment> {
    if !variables.has("PLANNER_PROVIDER") && !variables.has("PLANNER_MODEL") {
        return None;
    }
    let provider = variables.get("PLANNER_PROVIDER").unwrap_or_else(|| "openai".to_owned()).to_lowercase();
    let model = variables.get("PLANNER_MODEL");
    let Some((_, kind, key, usual)) = PLANNERS.iter().find(|(name, ..)| *name == provider) else {
        notes.leave("PLANNER_PROVIDER", "ToolWeaver knows no such provider, nor does this import");
        return None;
    };
    let mut deployment = Deployment::new(kind, model.as_deref().unwrap_or(usual), "PLANNER_MODEL");
    if *kind == "azure" {
        let url = variables.address(&["AZURE_OPENAI_ENDPOINT"], notes).ok()?;
        if url.is_none() {
            notes.leave("AZURE_OPENAI_ENDPOINT", "it is missing: write the address over the `.invalid` one");
        }
        deployment.base_url = Some(address::azure(url.as_deref().unwrap_or("http://azure-openai-endpoint.invalid")));
        version(variables, notes);
        signed(variables, "AZURE_OPENAI_USE_AD", notes);
    }
    deployment.key = variables.key(key, notes);
    deployment.key_from = (*key).to_owned();
    Some(deployment)
}

fn worker(variables: &mut Variables, notes: &mut Notes) -> Option<Deployment> {
    let named = variables.has("SMALL_MODEL_BACKEND") || variables.has("WORKER_MODEL");
    let off = variables.get("USE_SMALL_MODEL").is_some_and(|word| !is_on(&word));
    let names = ["SMALL_MODEL_BACKEND", "WORKER_BACKEND", "WORKER_PROVIDER"];
    let backend = variables.first(&names).map_or_else(|| "ollama".to_owned(), |(_, value)| value.to_lowercase());
    let model = variables.get("WORKER_MODEL").unwrap_or_else(|| "phi3".to_owned());
    if !named {
        return None;
    }
    if off {
        notes.leave("WORKER_MODEL", "`USE_SMALL_MODEL` is off, so nobody asks it");
        return None;
    }
    match backend.as_str() {
        "ollama" => {
            let mut deployment = Deployment::new("ollama", &model, "WORKER_MODEL");
            deployment.base_url = variables.address(&["OLLAMA_API_URL", "OLLAMA_HOST"], notes).ok()?;
            Some(deployment)
        }
        "azure" => azure_worker(&model, variables, notes),
        _ => {
            notes.leave(
                "SMALL_MODEL_BACKEND",
                "models inside a process cannot be asked; serve them with vllm, llamacpp or ollama",
            );
            None
        }
    }
}

fn azure_worker(model: &str, variables: &mut Variables, notes: &mut Notes) -> Option<Deployment> {
    signed(variables, "AZURE_SMALL_MODEL_USE_AD", notes);
    let key = variables.key("AZURE_SMALL_MODEL_KEY", notes);
    let url = variables.address(&["AZURE_SMALL_MODEL_ENDPOINT"], notes).ok()?;
    let url = url.filter(|url| !url.ends_with("/score"));
    let Some(url) = url else {
        notes.leave(
            "AZURE_SMALL_MODEL_ENDPOINT",
            "a scoring endpoint does not speak OpenAI's protocol; name one that does",
        );
        return None;
    };
    let mut deployment = Deployment::new("azure", model, "WORKER_MODEL");
    let ours = address::host(&url).ends_with(".openai.azure.com");
    deployment.base_url = Some(if ours { address::azure(&url) } else { url });
    deployment.key = key;
    deployment.key_from = "AZURE_SMALL_MODEL_KEY".to_owned();
    Some(deployment)
}

fn version(variables: &mut Variables, notes: &mut Notes) {
    if variables.get("AZURE_OPENAI_API_VERSION").is_some() {
        notes.leave("AZURE_OPENAI_API_VERSION", "Azure's address `/openai/v1` needs no version");
    }
}

/// Signing in with a directory is left; the key's variable stands in its place.
fn signed(variables: &mut Variables, name: &str, notes: &mut Notes) {
    if variables.get(name).is_some_and(|word| is_on(&word)) {
        notes.leave(name, "signing in with Entra ID is not known here, a key is needed");
    }
}

fn servers(root: &Node, notes: &mut Notes) {
    let Some(servers) = root.get("mcpServers") else { return };
    for (name, _) in servers.entries() {
        notes.leave(format!("mcpServers.{name}"), "servers of tools are no providers");
    }
    for (at, _) in servers.items().iter().enumerate() {
        notes.leave(format!("mcpServers[{at}]"), "servers of tools are no providers");
    }
}

fn why(name: &str) -> &'static str {
    match name {
        "OPENAI_API_KEY" | "ANTHROPIC_API_KEY" | "GOOGLE_API_KEY" | "AZURE_OPENAI_API_KEY" => {
            "neither the planner nor the worker uses this key"
        }
        "AZURE_OPENAI_ENDPOINT" | "AZURE_OPENAI_API_VERSION" | "AZURE_OPENAI_USE_AD" | "OLLAMA_API_URL" => {
            "neither the planner nor the worker is asked there"
        }
        _ => "it is not about providers of models",
    }
}
