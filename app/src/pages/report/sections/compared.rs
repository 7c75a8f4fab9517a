//! What stands out beside the references, in brief; the way to the whole comparison.

use leptos::prelude::*;
use model::{AnalysisId, comparison::TrackComparison};

use super::ReportSection;
use crate::{pages::comparison::Differences, paths, ui::ButtonLink};

/// How many remarks the report shows of a comparison.
const SHOWN: usize = 3;

/// The comparison in brief, or the invitation to make one; nothing where the reader can do neither.
#[component]
pub fn ComparedSection(
    /// The comparison, where references were chosen.
    #[prop(optional_no_strip)]
    compared: Option<TrackComparison>,
    /// The mix, where the reader may choose references.
    #[prop(optional_no_strip)]
    id: Option<AnalysisId>,
) -> impl IntoView {
    if compared.is_none() && id.is_none() {
        return ().into_any();
    }
    let body = match compared {
        Some(compared) => {
            let sentence = compared.comparison.sentence();
            let mut differences = compared.comparison.differences;
            differences.truncate(SHOWN);
            let names: Vec<String> = compared.with.into_iter().map(|companion| companion.title).collect();
            let link = id.map(|id| view! { <ButtonLink href=paths::comparison(id)>"The whole comparison"</ButtonLink> });
            view! {
                <div class="stack">
                    <p class="lead">{sentence}</p>
                    <Differences differences=differences />
                    <p class="small muted">{format!("Compared with {}.", names.join(", "))}</p>
                    <p class="row">{link}</p>
                </div>
            }
            .into_any()
        }
        None => view! {
            <div class="stack">
                <p>"Nothing is compared yet. Choose finished music that sounds the way you want yours to."</p>
                <p class="row">
                    {id.map(|id| view! { <ButtonLink href=paths::comparison(id)>"Compare with references"</ButtonLink> })}
                </p>
            </div>
        }
        .into_any(),
    };
    view! {
        <ReportSection id="compared" title="Beside your references" about="At equal loudness, and only where both carry signal. It costs no points.">
            {body}
        </ReportSection>
    }
    .into_any()
}
