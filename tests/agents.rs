//! Agents as they are used: whole sessions of the kind that Claude Code and Codex hold, against upstreams of every
//! protocol that has tools and thoughts.

mod claude_code;
mod codex;
mod upstream;
