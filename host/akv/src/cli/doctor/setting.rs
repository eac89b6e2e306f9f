//! How a container of ours is set: what its command line says, else its environment, else our default.

use crate::controller::ControllerArgs;
use crate::run::RunArgs;
use crate::webhook::WebhookArgs;
use clap::{Args, Command};
use k8s_openapi::api::core::v1::Container;

/// Which of the programs a container runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// `akv2k8s controller`.
    Controller,
    /// `akv2k8s webhook`.
    Webhook,
    /// `akv2k8s run`.
    Both,
}

impl Role {
    /// What a container runs, if it is one of ours.
    pub fn of(container: &Container) -> Option<Self> {
        let words = container.command.iter().chain(&container.args).flatten();
        words.map(String::as_str).find_map(|word| match word {
            "controller" => Some(Self::Controller),
            "webhook" => Some(Self::Webhook),
            "run" => Some(Self::Both),
            _ => None,
        })
    }

    /// Its flags.
    fn flags(self) -> Command {
        let command = Command::new("akv2k8s");
        match self {
            Self::Controller => ControllerArgs::augment_args(command),
            Self::Webhook => WebhookArgs::augment_args(command),
            Self::Both => RunArgs::augment_args(command),
        }
    }
}

/// The value of a flag, given without its dashes; `None` where there is neither a value nor a default.
pub fn setting(container: &Container, role: Role, flag: &str) -> Option<String> {
    let flags = role.flags();
    let known = flags.get_arguments().find(|argument| argument.get_long() == Some(flag))?;
    let variable = known.get_env().and_then(|name| name.to_str());
    let default = known.get_default_values().first().and_then(|value| value.to_str());
    let from_environment = || {
        let found = container.env.iter().flatten().find(|set| Some(set.name.as_str()) == variable)?;
        found.value.clone()
    };
    on_command_line(container, flag).or_else(from_environment).or_else(|| default.map(str::to_owned))
}

fn on_command_line(container: &Container, flag: &str) -> Option<String> {
    let words: Vec<&String> = container.command.iter().chain(&container.args).flatten().collect();
    words.iter().enumerate().rev().find_map(|(n, word)| match word.strip_prefix("--")?.split_once('=') {
        Some((name, value)) => (name == flag).then(|| value.to_owned()),
        None => (word.strip_prefix("--") == Some(flag)).then(|| words.get(n + 1).map(|next| (*next).clone()))?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_command_line_wins_over_the_environment_and_that_over_the_default() {
        let container = |args: &[&str]| -> Container {
            let env = json!([{"name": "LEASE_NAME", "value": "by-env"}]);
            serde_json::from_value(json!({"name": "c", "args": args, "env": env})).expect("a container")
        };
        let check = |args: &[&str], flag, expected: Option<&str>| {
            let container = container(args);
            let role = Role::of(&container).expect("one of ours");
            assert_eq!(setting(&container, role, flag).as_deref(), expected, "{args:?}");
        };
        check(&["controller", "--lease-name=given"], "lease-name", Some("given"));
        check(&["run", "--lease-name", "given"], "lease-name", Some("given"));
        check(&["controller"], "lease-name", Some("by-env"));
        check(&["webhook"], "namespace-label", Some("azure-key-vault-env-injection=enabled"));
        check(&["webhook"], "mutating-configuration", None);
        check(&["webhook"], "lease-name", None);
        assert_eq!(Role::of(&serde_json::from_value(json!({"name": "other"})).expect("a container")), None);
    }
}
