//! The environment that the application will have.

use crate::failure::Failure;
use crate::produce::Values;
use akv_wire::message::Wanted;
use akv_wire::{Piece, Reference, Text};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStringExt;
use zeroize::Zeroizing;

/// Variables by name; of two of the same name the first counts, as for `getenv`.
pub struct Environment(BTreeMap<OsString, OsString>);

impl Environment {
    /// That of this process.
    pub fn of_process() -> Self {
        Self::of(std::env::vars_os())
    }

    /// These variables.
    pub fn of(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let mut first = BTreeMap::new();
        for (name, value) in variables {
            first.entry(name).or_insert(value);
        }
        Self(first)
    }

    /// All of them.
    pub fn variables(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        self.0.iter().map(|(name, value)| (name.as_os_str(), value.as_os_str()))
    }

    /// A variable.
    pub fn get(&self, name: &OsStr) -> Option<&OsStr> {
        self.0.get(name).map(OsString::as_os_str)
    }

    /// The variables that are text, for what reads settings.
    pub fn texts(&self) -> BTreeMap<String, String> {
        let text =
            |(name, value): (&OsString, &OsString)| Some((name.to_str()?.to_owned(), value.to_str()?.to_owned()));
        self.0.iter().filter_map(text).collect()
    }

    /// The variables that hold references or escapes.
    fn marked(&self) -> impl Iterator<Item = (&OsString, Text)> {
        self.0.iter().filter_map(|(name, value)| Some((name, Text::parse(value.to_str()?)?)))
    }

    /// Names of the variables that hold references.
    pub fn referring(&self) -> BTreeSet<OsString> {
        self.marked().filter(|(_, text)| text.references().next().is_some()).map(|(name, _)| name.clone()).collect()
    }

    /// Takes what others have for the variables that hold references: their value, or none.
    pub fn adopt(&mut self, mut found: impl FnMut(&OsStr) -> Option<OsString>) {
        let referring = self.referring();
        // Escapes first: a value that looks like a reference is none.
        for (name, text) in self.literals() {
            self.0.insert(name, text);
        }
        for name in referring {
            match found(&name) {
                Some(value) => self.0.insert(name, value),
                None => self.0.remove(&name),
            };
        }
    }

    /// What the variables that hold escapes and no reference become.
    fn literals(&self) -> Vec<(OsString, OsString)> {
        let nothing = Values::default();
        let marked = self.marked().filter_map(|(name, text)| Some((name.clone(), filled(&text, &nothing).ok()??)));
        marked.collect()
    }

    /// Each resource that a variable refers to once, with its queries.
    pub fn wanted(&self) -> Vec<Wanted> {
        let mut wanted: BTreeMap<String, BTreeSet<Option<String>>> = BTreeMap::new();
        for (_, text) in self.marked() {
            for Reference { resource, query } in text.references() {
                wanted.entry(resource.clone()).or_default().insert(query.clone());
            }
        }
        let wanted = wanted.into_iter();
        wanted.map(|(name, queries)| Wanted { name, queries: queries.into_iter().collect(), files: false }).collect()
    }

    /// Puts the values in. A variable that refers to what may be missing and is goes away.
    ///
    /// # Errors
    /// Names the variable whose value there is none of.
    pub fn put(&mut self, values: &Values) -> Result<(), Failure> {
        let marked: Vec<(OsString, Text)> = self.marked().map(|(name, text)| (name.clone(), text)).collect();
        for (name, text) in marked {
            match filled(&text, values) {
                Ok(Some(value)) => self.0.insert(name, value),
                Ok(None) => self.0.remove(&name),
                Err(why) => return Err(Failure::new(format!("variable {}: {why}", name.to_string_lossy()))),
            };
        }
        Ok(())
    }
}

fn filled(text: &Text, values: &Values) -> Result<Option<OsString>, String> {
    let mut whole = Zeroizing::new(Vec::new());
    for piece in text.pieces() {
        match piece {
            Piece::Literal(literal) => whole.extend_from_slice(literal.as_bytes()),
            Piece::Reference(reference) => match values.get(reference) {
                Some(Ok(value)) => whole.extend_from_slice(value.expose()),
                Some(Err(why)) => return Err(why.clone()),
                None if values.is_left_out(&reference.resource) => return Ok(None),
                None => return Err(format!("{reference} was not answered")),
            },
        }
    }
    Ok(Some(OsString::from_vec(std::mem::take(&mut *whole))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use akv_core::SecretValue;

    fn environment(value: &str) -> Environment {
        Environment::of([(OsString::from("V"), OsString::from(value)), (OsString::from("PLAIN"), OsString::from("x"))])
    }

    fn values() -> Values {
        let mut values = Values::default();
        let set = |values: &mut Values, query: Option<&str>, value: &str| {
            let reference = Reference { resource: "db".into(), query: query.map(str::to_owned) };
            values.set(reference, Ok(SecretValue::new(value.as_bytes().to_vec())));
        };
        set(&mut values, None, "whole");
        set(&mut values, Some("user"), "jo");
        values.leave_out("gone");
        values
    }

    fn check(value: &str, expected: Result<Option<&str>, &str>) {
        let mut environment = environment(value);
        match (environment.put(&values()), expected) {
            (Ok(()), Ok(expected)) => assert_eq!(environment.get(OsStr::new("V")), expected.map(OsStr::new), "{value}"),
            (Err(failure), Err(expected)) => assert!(format!("{failure:?}").contains(expected), "{failure:?}"),
            (found, _) => panic!("{value}: {found:?}"),
        }
        assert_eq!(environment.get(OsStr::new("PLAIN")), Some(OsStr::new("x")));
    }

    #[test]
    fn values_take_the_place_of_references() {
        check("db@azurekeyvault", Ok(Some("whole")));
        check("u=${db@azurekeyvault?user};p=${db@azurekeyvault}", Ok(Some("u=jo;p=whole")));
        check(r"\db@azurekeyvault", Ok(Some("db@azurekeyvault")));
        check("text", Ok(Some("text")));
        check("gone@azurekeyvault", Ok(None));
        check("other@azurekeyvault", Err("variable V: other@azurekeyvault was not answered"));
    }

    #[test]
    fn each_resource_is_asked_for_once() {
        let wanted = environment("${db@azurekeyvault?user}${db@azurekeyvault}${db@azurekeyvault?user}").wanted();
        assert_eq!(wanted, [Wanted { name: "db".into(), queries: vec![None, Some("user".into())], files: false }]);
        assert!(environment("text").wanted().is_empty() && environment(r"\db@azurekeyvault").wanted().is_empty());
    }

    #[test]
    fn of_two_variables_of_the_same_name_the_first_counts() {
        let twice = ["one", "two"].map(|value| (OsString::from("V"), OsString::from(value)));
        assert_eq!(Environment::of(twice).get(OsStr::new("V")), Some(OsStr::new("one")));
    }

    #[test]
    fn values_of_others_are_taken_as_they_are() {
        let mut environment = Environment::of([
            ("A".into(), "db@azurekeyvault".into()),
            ("B".into(), "gone@azurekeyvault".into()),
            ("C".into(), r"\db@azurekeyvault".into()),
        ]);
        environment.adopt(|name| (name == "A").then(|| "x@azurekeyvault".into()));
        let found: Vec<_> = environment.variables().collect();
        assert_eq!(
            found,
            [("A", "x@azurekeyvault"), ("C", "db@azurekeyvault")].map(|(n, v)| (OsStr::new(n), OsStr::new(v)))
        );
    }
}
