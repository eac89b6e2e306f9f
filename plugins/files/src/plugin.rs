//! From templates to files.

use crate::context::{self, NotText};
use crate::filters;
use crate::judge::judge;
use crate::uses::Uses;
use guest::Fault;
use guest::output::{Description, Entry, Object, Part, Target};
use minijinja::machinery::{self, ast::Stmt};
use minijinja::{Environment, Error};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::error::Error as _;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    files: Vec<File>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    path: String,
    template: String,
}

/// Every template, parsed.
fn templates(text: &str) -> Result<(Environment<'static>, Vec<String>), Fault> {
    let config: Config = serde_json::from_str(text)
        .map_err(|e| Fault::config("bad-config", "", format!("the config is not readable: {e}")))?;
    let mut environment = filters::environment();
    let mut paths = Vec::new();
    let mut seen = BTreeSet::new();
    for (index, file) in config.files.into_iter().enumerate() {
        if !seen.insert(file.path.clone()) {
            return Err(Fault::config(
                "duplicate-path",
                format!("/files/{index}/path"),
                format!("two files have the path {:?}", file.path),
            ));
        }
        environment
            .add_template_owned(file.path.clone(), file.template)
            .map_err(|error| invalid(&file.path, &error))?;
        paths.push(file.path);
    }
    Ok((environment, paths))
}

fn place(path: &str, error: &Error) -> String {
    error.line().map_or_else(|| path.to_owned(), |line| format!("{path}:{line}"))
}

fn words(error: &Error) -> String {
    error.detail().map_or_else(|| error.kind().to_string(), str::to_owned)
}

/// Syntax of the templates, and that they name only what there is.
pub fn check(config: &str, target: &Target, objects: &[Description]) -> Result<(), Fault> {
    let (environment, paths) = templates(config)?;
    if !matches!(target.kind.as_str(), "secret" | "config-map" | "files" | "environment") {
        return Err(Fault::config("wrong-target", "", format!("this plugin writes no {}", target.kind)));
    }
    objects.iter().try_for_each(entry::check_content_type)?;
    if let Some(query) = target.query.as_ref().filter(|q| !paths.contains(q)) {
        return Err(Fault::config(
            "unknown-query",
            "",
            format!("there is no file {query:?}; there are {}", paths.join(", ")),
        ));
    }
    let known: BTreeSet<&str> = objects.iter().map(|d| d.alias.as_str()).collect();
    for (path, template) in environment.templates() {
        let tree = parse(&environment, path, template.source())?;
        judge(&environment, &known, &tree).map_err(|unknown| {
            let message = match unknown.code {
                "unknown-name" => {
                    let known: Vec<&str> = known.iter().copied().collect();
                    format!("the template names {}, which is not there; objects are {}", unknown.name, known.join(", "))
                }
                code => format!("there is no {} {}", code.trim_start_matches("unknown-"), unknown.name),
            };
            Fault::config(unknown.code, format!("{path}:{}", unknown.line), message)
        })?;
    }
    Ok(())
}

/// The syntax tree of a template.
pub fn parse<'t>(environment: &Environment<'_>, path: &'t str, template: &'t str) -> Result<Stmt<'t>, Fault> {
    machinery::parse(template, path, environment.syntax().clone()).map_err(|error| invalid(path, &error))
}

fn invalid(path: &str, error: &Error) -> Fault {
    let message = format!("the template is not valid: {}", words(error));
    Fault::config("bad-template", place(path, error), message)
}

/// The public part of everything that has one, and the private parts that some template reads.
pub fn needs(config: &str, _target: &Target, objects: &[Description]) -> Result<Vec<(String, Part)>, Fault> {
    let (environment, _) = templates(config)?;
    let mut uses = Uses::default();
    for (path, template) in environment.templates() {
        uses.add(&parse(&environment, path, template.source())?);
    }
    let mut needs = Vec::new();
    for object in objects {
        if !entry::is_private(object) {
            needs.push((object.alias.clone(), Part::Public));
        }
        if entry::is_private(object) || (object.kind == "certificate" && uses.private_part(&object.alias)) {
            needs.push((object.alias.clone(), Part::Private));
        }
    }
    Ok(needs)
}

/// One entry a file; with a query that file alone.
pub fn render(config: &str, target: &Target, objects: &[Object]) -> Result<Vec<Entry>, Fault> {
    let (environment, paths) = templates(config)?;
    let context = minijinja::context! { objects => context::objects(objects)? };
    let wanted = |path: &&String| target.query.as_ref().is_none_or(|query| query == *path);
    let file = |path: &String| {
        let template = environment.get_template(path);
        let text = template.and_then(|t| t.render(&context)).map_err(|error| failed(path, &error))?;
        Ok((path.clone(), text.into_bytes()))
    };
    paths.iter().filter(wanted).map(file).collect()
}

fn failed(path: &str, error: &Error) -> Fault {
    let mut cause = error.source();
    while let Some(inner) = cause {
        if let Some(not_text) = inner.downcast_ref::<NotText>() {
            return Fault::input(
                "not-text",
                Some(&not_text.0),
                "the value is no text; the template can take its base64",
            );
        }
        cause = inner.source();
    }
    Fault::input("template-failed", Some(&place(path, error)), words(error))
}

#[cfg(test)]
mod tests;
