//! All addresses of pages and forms. Nothing else spells one out.

use model::{
    AnalysisId, SessionId, SongId,
    history::{HistoryQuery, PageCursor},
};

/// The public first page.
pub const HOME: &str = "/";
/// The form for a new account.
pub const SIGN_UP: &str = "/signup";
/// Said after [`SIGN_UP`], whatever the address is.
pub const SIGN_UP_SENT: &str = "/signup/sent";
/// Where the link in the confirmation mail leads, with `?token=`.
pub const CONFIRM: &str = "/signup/confirm";
/// The form to sign in.
pub const SIGN_IN: &str = "/signin";
/// The second step of signing in: takes the code of the authenticator app.
pub const SIGN_IN_CODE: &str = "/signin/code";
/// The form for a forgotten password.
pub const FORGOT: &str = "/signin/forgot";
/// Said after [`FORGOT`], whatever the address is.
pub const FORGOT_SENT: &str = "/signin/forgot/sent";
/// Where the link in that mail leads, with `?token=`.
pub const RESET: &str = "/signin/reset";
/// Takes the sign-out form.
pub const SIGN_OUT: &str = "/signout";
/// Where files are uploaded.
pub const UPLOAD: &str = "/upload";
/// The person's analyses; see [`history`] for its parameters.
pub const HISTORY: &str = "/history";
/// The person's songs, the latest first, with `?before=` for earlier ones; takes the form that groups versions.
pub const SONGS: &str = "/songs";
/// The beginning of every analysis's address.
pub const ANALYSES: &str = "/analyses";
/// The person's references, and where they are uploaded; with `?before=` for older ones.
pub const REFERENCES: &str = "/references";
/// The account: profile.
pub const ACCOUNT: &str = "/account";
/// Takes the form with a new name.
pub const ACCOUNT_NAME: &str = "/account/name";
/// Takes the form with a new address.
pub const ACCOUNT_EMAIL: &str = "/account/email";
/// Where the link in the mail to a new address leads, with `?token=`.
pub const CONFIRM_EMAIL: &str = "/account/email/confirm";
/// Asks for the password again, then leads on to `?next=`.
pub const CONFIRM_PASSWORD: &str = "/account/confirm";
/// The account: password, second factor, sessions.
pub const SECURITY: &str = "/account/security";
/// Takes the form with a new password.
pub const ACCOUNT_PASSWORD: &str = "/account/password";
/// Takes the form that ends all other sessions.
pub const END_OTHER_SESSIONS: &str = "/account/sessions/end-others";
/// Sets up the second factor.
pub const SECOND_FACTOR: &str = "/account/second-factor";
/// Takes the form that begins with it.
pub const SECOND_FACTOR_BEGIN: &str = "/account/second-factor/begin";
/// Takes the first code.
pub const SECOND_FACTOR_CONFIRM: &str = "/account/second-factor/confirm";
/// Takes the form that makes new recovery codes.
pub const SECOND_FACTOR_CODES: &str = "/account/second-factor/codes";
/// Takes the form that switches it off.
pub const SECOND_FACTOR_OFF: &str = "/account/second-factor/off";
/// The account: which letters are wanted; with `?token=` of a letter also for who is not signed in.
pub const EMAIL_PREFERENCES: &str = "/account/email-preferences";
/// Takes the form of the latter.
pub const UNSUBSCRIBE: &str = "/account/email-preferences/decline";
/// The terms of service.
pub const TERMS: &str = "/terms";
/// The privacy policy.
pub const PRIVACY: &str = "/privacy";
/// Which cookies there are, and the choice about the optional ones.
pub const COOKIES: &str = "/cookies";
/// Takes the choice about optional cookies and statistics.
pub const CONSENT: &str = "/consent";
/// Whom to write to.
pub const CONTACT: &str = "/contact";
/// Every version of the policies.
pub const POLICIES: &str = "/policies";
/// Everything that is held about the signed-in person.
pub const YOUR_DATA: &str = "/account/privacy";
/// Takes the form that asks for a copy of it.
pub const EXPORT: &str = "/account/privacy/copy";
/// Asks whether to delete the account, and takes the answer.
pub const DELETE_ACCOUNT: &str = "/account/privacy/delete";
/// Said after [`DELETE_ACCOUNT`].
pub const ACCOUNT_DELETED: &str = "/account/deleted";
/// How each number is measured.
pub const METHODOLOGY: &str = "/methodology";
/// Every rule, with an anchor for each.
pub const RULES: &str = "/rules";
/// Takes the place where the program in a browser broke.
pub const BROWSER_FAULT: &str = "/browser-fault";
/// The mail that a development server wrote into files.
pub const DEV_MAIL: &str = "/dev/mail";

/// The page of one analysis.
#[must_use]
pub fn analysis(id: AnalysisId) -> String {
    format!("{ANALYSES}/{id}")
}

/// Takes the form with a new title.
#[must_use]
pub fn rename(id: AnalysisId) -> String {
    format!("{ANALYSES}/{id}/rename")
}

/// A mix beside references; takes the form with the choice of them.
#[must_use]
pub fn comparison(id: AnalysisId) -> String {
    format!("{ANALYSES}/{id}/comparison")
}

/// Takes the form that counts an analysis as a mix or a master.
#[must_use]
pub fn stage(id: AnalysisId) -> String {
    format!("{ANALYSES}/{id}/stage")
}

/// The report and the verdict as JSON, to keep.
#[must_use]
pub fn report_json(id: AnalysisId) -> String {
    format!("{ANALYSES}/{id}/report.json")
}

/// The report as one HTML file, to keep or to send.
#[must_use]
pub fn report_html(id: AnalysisId) -> String {
    format!("{ANALYSES}/{id}/report.html")
}

/// Takes the form that deletes an analysis.
#[must_use]
pub fn delete(id: AnalysisId) -> String {
    format!("{ANALYSES}/{id}/delete")
}

/// Takes the form that ends one session.
#[must_use]
pub fn end_session(id: SessionId) -> String {
    format!("/account/sessions/{id}/end")
}

/// `page`, saying that something was `done`.
#[must_use]
pub fn done(page: &str, done: &str) -> String {
    format!("{page}?done={done}")
}

/// The question for the password that leads on to `next`.
#[must_use]
pub fn confirm_password_then(next: &str) -> String {
    format!("{CONFIRM_PASSWORD}?next={next}")
}

/// The history as `query` asks for it, at `cursor`; the first page where there is none.
#[must_use]
pub fn history(query: &HistoryQuery, cursor: Option<&PageCursor>) -> String {
    let mut parameters = query.parameters();
    parameters.extend(cursor.map(|cursor| match cursor {
        PageCursor::After(key) => ("after", key.clone()),
        PageCursor::Before(key) => ("before", key.clone()),
    }));
    with_parameters(HISTORY, &parameters)
}

/// The same with boxes to tick, to group versions.
#[must_use]
pub fn history_to_group(query: &HistoryQuery, cursor: Option<&PageCursor>) -> String {
    let address = history(query, cursor);
    let join = if address.contains('?') { '&' } else { '?' };
    format!("{address}{join}group=1")
}

/// A song with its versions.
#[must_use]
pub fn song(id: SongId) -> String {
    format!("{SONGS}/{id}")
}

/// Two versions of a song compared.
#[must_use]
pub fn compared(id: SongId, before: AnalysisId, after: AnalysisId) -> String {
    format!("{SONGS}/{id}?before={before}&after={after}#compare")
}

/// Takes the form with a new title for a song.
#[must_use]
pub fn rename_song(id: SongId) -> String {
    format!("{SONGS}/{id}/rename")
}

/// Takes the form that deletes a song; its versions stay.
#[must_use]
pub fn delete_song(id: SongId) -> String {
    format!("{SONGS}/{id}/delete")
}

/// The songs from the id `before` on.
#[must_use]
pub fn older_songs(before: SongId) -> String {
    format!("{SONGS}?before={before}")
}

/// Takes the forms that put an analysis into a song, or take it out.
#[must_use]
pub fn analysis_song(id: AnalysisId) -> String {
    format!("{ANALYSES}/{id}/song")
}

fn with_parameters(path: &str, parameters: &[(&str, String)]) -> String {
    let pairs: Vec<String> = parameters
        .iter()
        .map(|(name, value)| format!("{name}={}", encoded(value)))
        .collect();
    if pairs.is_empty() {
        path.to_owned()
    } else {
        format!("{path}?{}", pairs.join("&"))
    }
}

/// Whatever is not a plain letter, digit or mark as `%…` of its bytes.
fn encoded(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

/// The sign-in form that leads on to `next`.
#[must_use]
pub fn sign_in_then(next: &str) -> String {
    format!(
        "{SIGN_IN}?next={}",
        next.replace('%', "%25")
            .replace('&', "%26")
            .replace('#', "%23")
            .replace('?', "%3F")
    )
}

/// `next` where it is an address of ours, else the upload page: a sign-in must not lead anywhere else (ASVS 3.7.2).
#[must_use]
pub fn safe_next(next: Option<&str>) -> String {
    match next {
        Some(path)
            if path.starts_with('/')
                && !path.starts_with("//")
                && !path.contains(['\\', '\r', '\n', '\t'])
                && path.is_ascii() =>
        {
            path.to_owned()
        }
        _ => UPLOAD.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_asked_of_the_history_is_in_its_address() {
        let query = HistoryQuery {
            search: "50 % & ü".to_owned(),
            ..HistoryQuery::default()
        };
        assert_eq!(history(&HistoryQuery::default(), None), "/history");
        assert_eq!(
            history(&query, Some(&PageCursor::After("a_b".to_owned()))),
            "/history?q=50%20%25%20%26%20%C3%BC&after=a_b"
        );
        assert_eq!(
            history_to_group(&HistoryQuery::default(), None),
            "/history?group=1"
        );
    }

    #[test]
    fn a_sign_in_leads_to_our_own_pages_only() {
        assert_eq!(safe_next(Some("/history?before=1")), "/history?before=1");
        for foreign in [
            "https://evil.example",
            "//evil.example",
            "/\\evil.example",
            "/\t/evil.example",
            "",
        ] {
            assert_eq!(safe_next(Some(foreign)), UPLOAD, "{foreign}");
        }
        assert_eq!(safe_next(None), UPLOAD);
    }
}
