//! A mix beside references, as text or as JSON.

use std::{
    io::{self, Write},
    path::Path,
};

use analysis::{Error, comparison::compare};
use model::{
    Report,
    comparison::{Comparison, FigureDelta},
    text,
};

use crate::{Outcome, analyze, arguments::Compare, input, table};

/// One document; numbers are written as the report has them.
#[derive(Debug, serde::Serialize, schemars::JsonSchema)]
pub(crate) struct Document<'a> {
    /// The file of the mix.
    mix: String,
    /// The files that it is compared with, in the order of the comparison.
    references: Vec<String>,
    /// What came of it.
    comparison: &'a Comparison,
}

/// Measures all files, then compares; a file that cannot be measured ends it, and is named.
pub(crate) fn compare_files(arguments: &Compare) -> Outcome {
    let measured = |path: &Path| -> Result<Report, Outcome> {
        analyze(path, &arguments.reading).map_err(|error| {
            let (message, advice) = match &error {
                Error::Rejected(failure) => table::refusal(failure),
                Error::Io(error) => input::status_message(error),
            };
            let _ = writeln!(
                io::stderr(),
                "mixlens-cli: {}: {message} {advice}",
                path.display()
            );
            Outcome::from_error(&error)
        })
    };
    let reports = || -> Result<(Report, Vec<Report>), Outcome> {
        let references = arguments.references.iter().map(|path| measured(path));
        Ok((measured(&arguments.mix)?, references.collect::<Result<_, _>>()?))
    };
    let (mix, references) = match reports() {
        Ok(reports) => reports,
        Err(outcome) => return outcome,
    };
    let comparison = compare(&mix, &references.iter().collect::<Vec<_>>());
    let mut out = io::stdout().lock();
    let written = if arguments.json {
        let document = Document {
            mix: arguments.mix.display().to_string(),
            references: arguments
                .references
                .iter()
                .map(|path| path.display().to_string())
                .collect(),
            comparison: &comparison,
        };
        serde_json::to_writer(&mut out, &document)
            .map_err(io::Error::from)
            .and_then(|()| writeln!(out))
    } else {
        write(&mut out, arguments, &comparison)
    };
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            let _ = writeln!(io::stderr(), "mixlens-cli: cannot write: {error}");
            Outcome::Unreadable
        }
        _ => Outcome::Measured,
    }
}

fn write(out: &mut impl Write, arguments: &Compare, comparison: &Comparison) -> io::Result<()> {
    writeln!(out, "{}", arguments.mix.display())?;
    for (path, reference) in arguments.references.iter().zip(&comparison.references) {
        let turned = match reference.gain_db {
            Some(gain) => format!("turned by {}", text::with_unit(gain, 1, "dB")),
            None => "no loudness".to_owned(),
        };
        let end = reference
            .ends_at_hz
            .map(|end| format!(", compared up to {}", text::frequency(end)))
            .unwrap_or_default();
        writeln!(out, "  beside {} ({turned}{end})", path.display())?;
    }
    writeln!(out, "\n{}", comparison.sentence())?;
    for difference in &comparison.differences {
        writeln!(
            out,
            "  {}: {} {}",
            difference.title(),
            difference.sentence(),
            difference.advice()
        )?;
    }
    writeln!(
        out,
        "\n  {:<28}{:>14}{:>14}{:>14}",
        "", "mix", "references", "difference"
    )?;
    for FigureDelta { measure, value } in &comparison.measures {
        let unit = measure.unit();
        let number = |value: Option<f64>| value.map_or(text::DASH.to_owned(), |value| unit.display(value));
        let by = value.difference().map_or(text::DASH.to_owned(), |by| {
            unit.for_differences().display_signed(by)
        });
        writeln!(
            out,
            "  {:<28}{:>14}{:>14}{by:>14}",
            measure.name(),
            number(value.mix),
            number(value.spread.map(|spread| spread.median)),
        )?;
    }
    Ok(())
}
