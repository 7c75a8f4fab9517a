//! What the islands ask the server, as JSON at the addresses of `Endpoint::Function`. The answers stand in `server::functions`.
//!
//! Plain `fetch` and not Leptos' server functions, whose client alone weighs more than an island (ADR 0008).

use model::{
    Problem, ProblemCode, UploadId,
    analysis::{AudioLink, Progress, Work},
    paths,
    player::{AudioRef, PreviewState},
    upload::{AboutUpload, BeginUpload, CompletedUpload, NewUpload, PresignedUpload, UploadParts},
};
use serde::{Serialize, de::DeserializeOwned};

use crate::islands::browser::{self, Answer};

/// The header that carries the CSRF token of a page's island; the server refuses writes without it.
pub const CSRF_HEADER: &str = "x-csrf-token";

/// The `<meta>` in which a page holds its CSRF token for the islands.
pub const CSRF_META: &str = "csrf-token";

/// A presigned PUT for one file.
///
/// # Errors
/// The problem of `backend::uploads::begin`.
pub(crate) async fn begin_upload(file: NewUpload) -> Result<PresignedUpload, Problem> {
    post(paths::BEGIN_UPLOAD, &BeginUpload { file }).await
}

/// How far an upload in parts has come, and the permissions for what to send next.
///
/// # Errors
/// The problem of `backend::uploads::parts`.
pub(crate) async fn upload_parts(upload: UploadId) -> Result<UploadParts, Problem> {
    post(paths::UPLOAD_PARTS, &AboutUpload { upload }).await
}

/// Says that the bytes are there.
///
/// # Errors
/// The problem of `backend::uploads::complete`.
pub(crate) async fn complete_upload(upload: UploadId) -> Result<CompletedUpload, Problem> {
    post(paths::COMPLETE_UPLOAD, &AboutUpload { upload }).await
}

/// How far an analysis or a render has come.
///
/// # Errors
/// The problem of `backend::analyses::progress`, or of `backend::renders::progress`.
pub(crate) async fn get_progress(of: Work) -> Result<Progress, Problem> {
    get(&paths::progress(of)).await
}

/// A signed link to the audio, for a few minutes.
///
/// # Errors
/// The problem of `backend::analyses::audio_link`, or of its like for links to reports and for renders.
pub(crate) async fn get_audio_link(audio: &AudioRef) -> Result<AudioLink, Problem> {
    get(&audio.address(paths::AUDIO)).await
}

/// Whether the audio can be played, for a page that waits for its preview.
///
/// # Errors
/// The problem of `backend::analyses::preview_state`.
pub(crate) async fn get_preview_state(audio: &AudioRef) -> Result<PreviewState, Problem> {
    get(&audio.address(paths::PREVIEW)).await
}

async fn get<Out: DeserializeOwned>(address: &str) -> Result<Out, Problem> {
    read(browser::get(address).await)
}

/// Posts, and once more with a fresh CSRF token where the page's own is of no use any more: another page may have brought the
/// browser a new one meanwhile.
async fn post<Out: DeserializeOwned>(path: &str, body: &impl Serialize) -> Result<Out, Problem> {
    // What is sent are structs of texts and numbers, which always become JSON.
    let body = serde_json::to_string(body).unwrap_or_default();
    let result = read(browser::post(path, &body).await);
    match &result {
        Err(problem)
            if problem.code == ProblemCode::Forbidden && browser::refresh_csrf_token().await.is_some() =>
        {
            read(browser::post(path, &body).await)
        }
        _ => result,
    }
}

fn read<Out: DeserializeOwned>(answer: Option<Answer>) -> Result<Out, Problem> {
    let Some(answer) = answer else {
        return Err(away(
            "MixLens cannot be reached. Check your connection; nothing is lost.",
        ));
    };
    if answer.is_ok
        && let Ok(out) = serde_json::from_str(&answer.text)
    {
        return Ok(out);
    }
    // Else the page of a proxy, while the server behind it is away.
    let problem = serde_json::from_str(&answer.text);
    Err(problem
        .unwrap_or_else(|_| away("MixLens does not answer at the moment. Try again; nothing is lost.")))
}

fn away(message: &str) -> Problem {
    Problem::new(ProblemCode::Unavailable, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(is_ok: bool, text: &str) -> Option<Answer> {
        let text = text.to_owned();
        Some(Answer { is_ok, text })
    }

    fn problem_of(answer: Option<Answer>) -> Problem {
        read::<CompletedUpload>(answer).unwrap_err()
    }

    #[test]
    fn an_answer_is_what_was_asked_for_or_the_problem_of_the_server() {
        let analysis = r#"{"analysis":"01900000000070008000000000000009"}"#;
        assert!(read::<CompletedUpload>(answer(true, analysis)).is_ok());
        let quota = r#"{"code":"quota","message":"Your plan is used up."}"#;
        assert_eq!(problem_of(answer(false, quota)).code, ProblemCode::Quota);
    }

    #[test]
    fn whoever_answers_in_place_of_the_server_is_waited_for() {
        for answer in [
            None,
            answer(false, "<html>502 Bad Gateway</html>"),
            answer(true, "<html>Sign in to the hotel's network</html>"),
            answer(true, ""),
        ] {
            assert!(problem_of(answer).code.is_passing());
        }
    }
}
