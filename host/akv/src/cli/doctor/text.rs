//! The verdicts as lines of at most 80 columns.

use super::verdict::{State, Verdict};

/// A terminal, or the page of a report.
const WIDTH: usize = 80;
/// The widest word for a state, and a space.
const STATE: usize = 9;
/// The widest topic, and two spaces.
const TOPIC: usize = 14;

/// All of them, with a line that counts them. `colours` is for a terminal.
pub fn text(heading: &str, verdicts: &[Verdict], colours: bool) -> String {
    let mut out = format!("{heading}\n\n");
    let mut topic = "";
    for verdict in verdicts {
        // What is said twice in one column is noise.
        out += &entry(verdict, if verdict.topic == topic { "" } else { verdict.topic }, colours);
        topic = verdict.topic;
    }
    out + "\n" + &summary(verdicts) + "\n"
}

fn entry(verdict: &Verdict, topic: &str, colours: bool) -> String {
    let indent = " ".repeat(STATE + TOPIC);
    let mut lines = Vec::new();
    for (first, text) in [("", Some(&verdict.cause)), ("Fix: ", verdict.fix.as_ref())] {
        let Some(text) = text else { continue };
        lines.extend(wrapped(&format!("{first}{text}"), WIDTH - indent.len()));
    }
    let word = verdict.state.word();
    let padding = " ".repeat(STATE.saturating_sub(word.len()));
    let head = format!("{}{padding}{topic:TOPIC$}", painted(word, verdict.state, colours));
    let mut out = String::new();
    for (n, line) in lines.iter().enumerate() {
        out += &format!("{}{line}\n", if n == 0 { &head } else { &indent });
    }
    // A command is copied: it stands in one line, however long, and as far to the left as it can.
    if let Some(command) = &verdict.command {
        out += &format!("{}$ {command}\n", if indent.len() + 2 + command.len() <= WIDTH { &indent } else { "  " });
    }
    out
}

/// `3 ok, 1 failure`.
fn summary(verdicts: &[Verdict]) -> String {
    let count = |state: State| verdicts.iter().filter(|verdict| verdict.state == state).count();
    let said =
        State::ALL.into_iter().map(|state| (state, count(state))).filter(|(state, n)| *n > 0 || *state == State::Ok);
    let words = said.map(|(state, n)| match (state, n) {
        (State::Warning | State::Failure, 2..) => format!("{n} {}s", state.word()),
        _ => format!("{n} {}", state.word()),
    });
    words.collect::<Vec<_>>().join(", ")
}

fn painted(word: &str, state: State, colours: bool) -> String {
    let code = match state {
        State::Ok => 32,
        State::Unknown => 36,
        State::Warning => 33,
        State::Failure => 31,
    };
    if colours { format!("\x1b[{code}m{word}\x1b[0m") } else { word.to_owned() }
}

/// Breaks between words; a word that is longer than a line stays whole.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let last = lines.last().map_or(0, |line| line.chars().count());
        match lines.last_mut() {
            Some(line) if last == 0 => *line += word,
            Some(line) if last + 1 + word.chars().count() <= width => {
                line.push(' ');
                *line += word;
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_aligned_and_fits_80_columns() {
        let long = "the certificate for akv2k8s-envinjector.akv2k8s.svc is over, so the API server refuses it";
        let verdicts = [
            Verdict::ok("Kubernetes", "v1.33.1"),
            Verdict::failure("certificate", long, "restart the webhook").run("kubectl rollout restart"),
            Verdict::failure("certificate", "another", "the same"),
        ];
        assert_eq!(
            text("release akv2k8s", &verdicts, false),
            "release akv2k8s

ok       Kubernetes    v1.33.1
failure  certificate   the certificate for akv2k8s-envinjector.akv2k8s.svc is
                       over, so the API server refuses it
                       Fix: restart the webhook
                       $ kubectl rollout restart
failure                another
                       Fix: the same

1 ok, 2 failures
"
        );
        assert!(text("", &verdicts, true).contains("\x1b[31mfailure\x1b[0m  certificate   the"));
    }
}
