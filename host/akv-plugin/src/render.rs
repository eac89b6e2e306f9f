//! What a resource becomes: the same steps for the controller, `render` and, in pods, the executable.

use crate::inspect::Kind;
use crate::plugin::{Plugin, Plugins};
use akv_core::{Alias, Blame, Entry, ObjectKind, Output, Part, PluginFault, PluginName, Recipe, VaultObject};
use std::collections::{BTreeMap, BTreeSet};

/// What is wrong at which path of the resource.
pub type Faults = Vec<(String, PluginFault)>;

/// Which parts of which objects have to be read.
pub type Needs = BTreeMap<Alias, BTreeSet<Part>>;

/// Every step and output: the plugin exists, is of the right kind, and takes its config.
pub fn check(recipe: &Recipe, plugins: &Plugins) -> Faults {
    let steps = recipe.pipeline.iter().map(|step| {
        let result = find(plugins, &step.plugin, Kind::Transform).and_then(|p| p.check_step(&step.config));
        (step.path.clone(), result)
    });
    let outputs = recipe.outputs.iter().map(|output| {
        let check = |p: &Plugin| p.check_output(&output.config, &output.target, &attributes(recipe), &recipe.objects);
        (output.path.clone(), find(plugins, &output.plugin, Kind::Output).and_then(check))
    });
    steps.chain(outputs).filter_map(|(path, result)| result.err().map(|fault| (path, fault))).collect()
}

/// What the plugins of all outputs ask for, and nothing else.
pub fn needs(recipe: &Recipe, plugins: &Plugins) -> Result<Needs, Faults> {
    let (mut needs, mut faults) = (Needs::new(), Faults::new());
    for output in &recipe.outputs {
        let ask = |p: &Plugin| p.needs(&output.config, &output.target, &attributes(recipe), &recipe.objects);
        match find(plugins, &output.plugin, Kind::Output).and_then(ask) {
            Ok(wanted) => wanted.into_iter().for_each(|(alias, part)| {
                needs.entry(alias).or_default().insert(part);
            }),
            Err(fault) => faults.push((output.path.clone(), fault)),
        }
    }
    if faults.is_empty() { Ok(needs) } else { Err(faults) }
}

/// Runs the pipeline over the objects that it touches. A fault comes with the path of its step in the resource.
pub fn transform<'a>(
    recipe: &'a Recipe,
    plugins: &Plugins,
    objects: Vec<VaultObject>,
) -> Result<Vec<VaultObject>, (&'a str, PluginFault)> {
    let mut done = Vec::with_capacity(objects.len());
    for mut object in objects {
        let alias = &object.description.alias;
        let touches = |only: &Option<Vec<Alias>>| only.as_ref().is_none_or(|only| only.contains(alias));
        if object.description.object.kind == ObjectKind::Secret {
            for step in recipe.pipeline.iter().filter(|s| touches(&s.only)) {
                if let Some(value) = &object.private {
                    let result =
                        find(plugins, &step.plugin, Kind::Transform).and_then(|p| p.apply(&step.config, value));
                    object.private = Some(result.map_err(|fault| (step.path.as_str(), at_alias(fault, alias)))?);
                }
            }
        }
        done.push(object);
    }
    Ok(done)
}

/// A transform does not know which object it works on.
fn at_alias(fault: PluginFault, alias: &Alias) -> PluginFault {
    let at = fault.at.map_or_else(|| alias.to_string(), |at| format!("{alias}: {at}"));
    PluginFault { at: Some(at), ..fault }
}

/// Renders one output of objects that were transformed.
pub fn render(
    recipe: &Recipe,
    output: &Output,
    plugins: &Plugins,
    objects: &[VaultObject],
) -> Result<Vec<Entry>, PluginFault> {
    find(plugins, &output.plugin, Kind::Output)?.render(&output.config, &output.target, &attributes(recipe), objects)
}

/// With `objects` and no plugin the alias is the key.
fn attributes(recipe: &Recipe) -> Vec<(String, String)> {
    if recipe.keys_from_alias { vec![("keys".to_owned(), "alias".to_owned())] } else { Vec::new() }
}

fn find<'a>(plugins: &'a Plugins, name: &PluginName, kind: Kind) -> Result<&'a Plugin, PluginFault> {
    let fault = |code: &str, message: String| PluginFault {
        plugin: name.clone(),
        blame: Blame::Config,
        code: code.to_owned(),
        at: None,
        message: Some(message),
    };
    let Some(plugin) = plugins.get(name) else {
        let known: Vec<&str> = plugins.iter().filter(|p| p.kind() == kind).map(|p| p.name().as_str()).collect();
        return Err(fault(
            "plugin-not-found",
            format!("there is no {} plugin of this name; there are {}", kind.as_str(), known.join(", ")),
        ));
    };
    if plugin.kind() == kind {
        Ok(plugin)
    } else {
        Err(fault("wrong-kind", format!("it is a plugin of kind {}, not {}", plugin.kind().as_str(), kind.as_str())))
    }
}
