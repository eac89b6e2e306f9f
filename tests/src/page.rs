//! The commands of a page, as its reader would type them: the lines that begin with `$ ` in its blocks of the kind `console`.
//! Lines after a command, up to the next, are what it prints.

/// A command of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Where it stands, counted from 1.
    pub line: usize,
    /// What the reader types, in one line.
    pub command: String,
    /// What it prints, among other things.
    pub prints: Vec<String>,
}

/// What begins with one of these needs Azure, a registry, the network that a checkout comes from, or a person's rights; or it
/// is a command of this project's own, which has tests of its own.
const ELSEWHERE: [&str; 5] = ["az", "skopeo", "git", "sudo", "cargo xtask"];
/// What stands before the name of a program.
const BEFORE: [&str; 5] = ["$(", "&&", "||", "|", ";"];

/// The commands of a page in their order.
pub fn steps(page: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let (mut inside, mut goes_on) = (false, false);
    for (at, line) in page.lines().enumerate() {
        if line.starts_with("```") {
            inside = line == "```console";
            goes_on = false;
            continue;
        }
        if !inside {
            continue;
        }
        let (text, continued) = line.strip_suffix('\\').map_or((line, false), |text| (text, true));
        match (text.strip_prefix("$ "), steps.last_mut()) {
            (Some(command), _) => {
                steps.push(Step { line: at + 1, command: command.to_owned(), prints: Vec::new() });
                goes_on = continued;
            }
            (None, Some(step)) if goes_on => {
                step.command += text.trim_start();
                goes_on = continued;
            }
            (None, Some(step)) => step.prints.push(line.to_owned()),
            (None, None) => {}
        }
    }
    steps
}

/// The blocks of a page of this kind, such as `yaml`.
pub fn blocks(page: &str, kind: &str) -> Vec<String> {
    let opening = format!("```{kind}");
    let mut blocks: Vec<String> = Vec::new();
    let mut inside = false;
    for line in page.lines() {
        if line.starts_with("```") {
            inside = !inside && line == opening;
            if inside {
                blocks.push(String::new());
            }
        } else if let (true, Some(block)) = (inside, blocks.last_mut()) {
            block.push_str(line);
            block.push('\n');
        }
    }
    blocks
}

impl Step {
    /// The program for which it cannot be run here, if there is one in it.
    pub fn elsewhere(&self) -> Option<&'static str> {
        let mut text = self.command.clone();
        for mark in BEFORE {
            text = text.replace(mark, "\n");
        }
        let begins = |line: &str, program: &str| {
            line.trim_start().strip_prefix(program).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
        };
        ELSEWHERE.into_iter().find(|program| text.lines().any(|line| begins(line, program)))
    }

    /// The lines that it should print and has not.
    pub fn missing(&self, printed: &str) -> Vec<&str> {
        let wanted = self.prints.iter().map(String::as_str).filter(|line| !line.is_empty());
        wanted.filter(|line| !printed.lines().any(|found| found.trim_end() == *line)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "text\n\n```console\n$ one --flag \\\n    --more\n$ two | az x\nprinted\n```\n\n```yaml\na: 1\n```\n\n```\n$ no\n```\n```console\n$ three\n```\n";

    #[test]
    fn commands_are_found_with_what_they_print() {
        let step = |line, command: &str, prints: &[&str]| Step {
            line,
            command: command.to_owned(),
            prints: prints.iter().map(|line| (*line).to_owned()).collect(),
        };
        let expected = [step(4, "one --flag --more", &[]), step(6, "two | az x", &["printed"]), step(18, "three", &[])];
        assert_eq!(steps(PAGE), expected);
        assert_eq!(blocks(PAGE, "yaml"), ["a: 1\n"]);
    }

    #[test]
    fn what_needs_another_place_is_told_by_its_program() {
        let check = |command: &str, expected| {
            let step = Step { line: 1, command: command.to_owned(), prints: Vec::new() };
            assert_eq!(step.elsewhere(), expected, "{command}");
        };
        check("az aks show", Some("az"));
        check("export ISSUER=$(az aks show)", Some("az"));
        check("git clone x && cd x", Some("git"));
        check("cargo xtask image", Some("cargo xtask"));
        check("cargo build --release", None);
        check("kubectl get azurekeyvaultsecrets -n az", None);
    }

    #[test]
    fn a_line_that_is_not_printed_is_named() {
        let step =
            Step { line: 1, command: "x".to_owned(), prints: vec!["a b".to_owned(), String::new(), "c".to_owned()] };
        assert_eq!(step.missing("a b  \nd\n"), ["c"]);
    }
}
