//! Why a setting of LiteLLM's stays behind, and what to use instead. A setting that is not here has no counterpart.

/// Settings, and why they stay behind.
const WHY: [(&[&str], &str); 16] = [
    (
        &["weight", "routing_strategy", "routing_strategy_args"],
        "a route tries its models in the order in which they stand",
    ),
    (&["api_version"], "Azure's address `/openai/v1` needs no version"),
    (&["master_key", "proxy_admin_id", "ui_username"], "keys are made with `althing keys create`"),
    (
        &["database_url", "store_model_in_db", "database_connection_pool_limit"],
        "LiteLLM's database is not read; ours is named in `[store]`",
    ),
    (&["stream_timeout"], "`server.stream_idle_ms` and `server.stream_max_ms` hold for all streams"),
    (
        &["success_callback", "failure_callback", "callbacks", "service_callback"],
        "calls are in the ledger, figures at `/metrics`",
    ),
    (&["set_verbose", "json_logs", "detailed_debug"], "`--log debug` says more"),
    (&["max_budget", "budget_duration", "max_end_user_budget"], "what may be spent is set in `[budget]`"),
    (
        &["redis_host", "redis_port", "redis_password", "redis_url"],
        "servers share the database of `[store]`, and no Redis",
    ),
    (&["enable_pre_call_checks"], "a prompt that is too long is always refused before anybody is asked"),
    (&["max_parallel_requests", "global_max_parallel_requests"], "see `in_flight_max` of a provider and of `[server]`"),
    (
        &["num_retries", "max_retries", "retry_policy", "model_group_retry_policy"],
        "`guard.attempts_max` holds for all models",
    ),
    (
        &["extra_headers", "headers", "organization"],
        "headers may hold keys and are not copied; write them as `headers` of the provider",
    ),
    (
        &[
            "temperature",
            "top_p",
            "top_k",
            "seed",
            "stop",
            "presence_penalty",
            "frequency_penalty",
            "n",
            "reasoning_effort",
            "thinking",
            "extra_body",
            "response_format",
        ],
        "requests say this themselves",
    ),
    (
        &["aws_role_name", "aws_session_name", "aws_web_identity_token", "aws_sts_endpoint"],
        "roles are not assumed here; name a profile or keys",
    ),
    (&["include"], "other files are not followed; name them all"),
];

/// Why a setting stays behind.
pub(super) fn why(key: &str) -> &'static str {
    let found = WHY.iter().find(|(keys, _)| keys.contains(&key));
    found.map_or("there is no counterpart", |(_, why)| why)
}
