//! Every table of the database: what of it a person is shown and given, and how it is erased.
//!
//! The page "Your data", the export and the deletion walk through [`TABLES`] and nothing else; the privacy policy prints
//! from it. A test compares it with the schema of the migrated database, so that a new table or column without an entry
//! fails.

/// One table.
#[derive(Debug)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// What it holds, as a person would call it.
    pub title: &'static str,
    /// Why it is held.
    pub about: &'static str,
    /// How long, in words.
    pub kept: &'static str,
    /// What of it is shown and exported.
    pub export: Export,
    /// How it is erased with the account.
    pub erase: Erase,
}

/// What of a table a person is given.
#[derive(Debug)]
pub enum Export {
    /// Rows of theirs.
    Rows {
        /// What their rows are found by.
        key: SubjectKey,
        /// In the order of the statement.
        columns: &'static [Column],
        /// Columns that stay inside, each with the reason.
        withheld: &'static [(&'static str, &'static str)],
        /// `SELECT` of the columns, by key, limit and offset.
        select: &'static str,
    },
    /// There is nothing of a person in it; the reason.
    Nothing(&'static str),
}

/// How a person's rows are erased.
#[derive(Debug)]
pub enum Erase {
    /// By `ON DELETE CASCADE` (or `SET NULL`) of their reference to the account, or to a row that goes with it.
    WithAccount,
    /// By this statement with the key of [`Export::Rows`], before the account's row goes.
    By(&'static str),
    /// There is nothing of a person in it, or it is forgotten on the way; the reason.
    Nothing(&'static str),
}

/// What a person's rows are found by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubjectKey {
    /// The id of the account.
    Account,
    /// The address as it is looked up.
    Address,
    /// What wrong passwords and codes are counted by: the id of the account and the keyed hash of the address; statements take
    /// them as $1 and $2.
    Tries,
    /// The keyed hash of the address that requests for a new password are counted by.
    ResetHash,
}

/// One column that a person is given.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// Its name, which is also its name in the export.
    pub name: &'static str,
    /// How people read it.
    pub label: &'static str,
    /// What its values are.
    pub kind: ColumnKind,
}

/// What the values of a column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    /// Words.
    Text,
    /// A moment, in milliseconds since 1970; RFC 3339 in the export.
    Time,
    /// A number.
    Number,
    /// Yes or no.
    Flag,
    /// JSON with a version inside; embedded in the export.
    Json,
}

/// The end of a `SELECT`, behind the parameters of its key.
macro_rules! page {
    (Tries) => {
        " LIMIT $3 OFFSET $4"
    };
    ($key:ident) => {
        " LIMIT $2 OFFSET $3"
    };
}

macro_rules! rows {
    (
        from $table:literal where $key:ident is $condition:literal $(in order of $order:literal)?
        given { $first:literal $first_kind:ident $first_label:literal $(, $column:literal $kind:ident $label:literal)* $(,)? }
        withheld { $($hidden:literal $reason:expr),* $(,)? }
    ) => {
        Export::Rows {
            key: SubjectKey::$key,
            columns: &[
                Column { name: $first, label: $first_label, kind: ColumnKind::$first_kind },
                $(Column { name: $column, label: $label, kind: ColumnKind::$kind }),*
            ],
            withheld: &[$(($hidden, $reason)),*],
            select: concat!(
                "SELECT ", $first, $(", ", $column,)* " FROM ", $table, " WHERE ", $condition, " ORDER BY ", $first, $(", ", $order,)? page!($key)
            ),
        }
    };
}

const REFERENCE: &str = "points to your account, which is you";

/// All of them, in the order in which a person reads them.
pub const TABLES: &[Table] = &[
    Table {
        name: "account",
        title: "Account",
        about: "To sign you in, to address you, and to know your plan.",
        kept: "Until you delete your account.",
        export: rows! {
            from "account" where Account is "id = $1"
            given {
                "id" Text "Number of the account", "email" Text "E-mail", "display_name" Text "Display name",
                "plan" Text "Plan", "terms_accepted_at" Time "Terms accepted and age confirmed", "terms_version" Text "Version of the terms",
                "created_at" Time "Made",
            }
            withheld {
                "email_key" "the e-mail once more, in small letters, to look it up by",
                "closed_at" "is set when the account is being deleted, and you are not signed in any more",
                "password_hash" "would help whoever steals the copy to guess the password",
            }
        },
        erase: Erase::By("DELETE FROM account WHERE id = $1"),
    },
    Table {
        name: "session",
        title: "Signed-in browsers",
        about: "To keep you signed in. No address of a device and no name of a browser is stored.",
        kept: "7 days after the last use, 30 days in any case; gone when you sign out.",
        export: rows! {
            from "session" where Account is "account_id = $1"
            given { "id" Text "Number", "created_at" Time "Signed in", "last_seen_at" Time "Last used", "confirmed_at" Time "Password entered last" }
            withheld {
                "account_id" REFERENCE, "token_hash" "is the key of a signed-in browser",
                "former_hash" "was the key before you entered the password again", "former_until" "a few seconds after that",
            }
        },
        erase: Erase::WithAccount,
    },
    Table {
        name: "security_event",
        title: "Security log",
        about: "To show you who tried to get into your account, and what was changed of the ways in. No address of a device is stored.",
        kept: "90 days.",
        export: rows! {
            from "security_event" where Account is "account_id = $1"
            given { "id" Text "Number", "kind" Text "What was done", "created_at" Time "When" }
            withheld { "account_id" REFERENCE }
        },
        erase: Erase::WithAccount,
    },
    Table {
        name: "password_reset",
        title: "Forgotten passwords",
        about: "To let you choose a new password by a link.",
        kept: "Until the link ends.",
        export: rows! {
            from "password_reset" where ResetHash is "subject_hash = $1"
            given { "id" Text "Number", "created_at" Time "Asked for", "expires_at" Time "Link ends", "used_at" Time "Used" }
            withheld {
                "account_id" REFERENCE, "subject_hash" "stands for your address and says nothing else",
                "token_hash" "is the key of the link",
            }
        },
        // Those from before the account have no reference to it.
        erase: Erase::By("DELETE FROM password_reset WHERE subject_hash = $1"),
    },
    Table {
        name: "email_change",
        title: "Changes of your address",
        about: "To confirm a new address and to tell the old one.",
        kept: "Until the link ends and the old address was told.",
        export: rows! {
            from "email_change" where Account is "account_id = $1"
            given {
                "id" Text "Number", "old_email" Text "Old address", "new_email" Text "New address", "created_at" Time "Asked for",
                "expires_at" Time "Link ends", "done_at" Time "Confirmed",
            }
            withheld { "account_id" REFERENCE, "token_hash" "is the key of the link" }
        },
        erase: Erase::WithAccount,
    },
    Table {
        name: "second_factor",
        title: "Second factor",
        about: "To ask for a code of your device when you sign in.",
        kept: "Until you turn it off or delete your account.",
        export: rows! {
            from "second_factor" where Account is "account_id = $1"
            given { "created_at" Time "Begun", "confirmed_at" Time "Turned on", "last_step" Number "Last code used (step of 30 s)", "answered_at" Time "Last code entered" }
            withheld {
                "account_id" REFERENCE, "encrypted_secret" "is the key of your codes", "answer_hash" "stands for the last code",
            }
        },
        erase: Erase::WithAccount,
    },
    Table {
        name: "recovery_code",
        title: "Recovery codes",
        about: "To let you in once without your device.",
        kept: "Until each is used, or you turn the second factor off.",
        export: rows! {
            from "recovery_code" where Account is "account_id = $1"
            given { "created_at" Time "Made" }
            withheld { "account_id" REFERENCE, "code_hash" "stands for the code" }
        },
        erase: Erase::WithAccount,
    },
    Table {
        name: "email_preference",
        title: "Which e-mails you want",
        about: "To send you the e-mails that you want and no others.",
        kept: "Until you delete your account.",
        export: rows! {
            from "email_preference" where Account is "account_id = $1"
            given { "kind" Text "Kind", "wanted" Flag "Wanted", "changed_at" Time "Changed" }
            withheld { "account_id" REFERENCE }
        },
        erase: Erase::WithAccount,
    },
    Table {
        name: "email_consent",
        title: "Consent to marketing",
        about: "To be able to prove what you agreed to, and when you took it back.",
        kept: "Until you delete your account.",
        export: rows! {
            from "email_consent" where Account is "account_id = $1"
            given { "id" Text "Number", "granted" Flag "Given", "wording" Text "What you read", "decided_at" Time "Said" }
            withheld { "account_id" REFERENCE }
        },
        erase: Erase::WithAccount,
    },
    Table {
        name: "upload",
        title: "Uploaded files",
        about: "To measure them. The audio itself, and a copy to play where browsers do not play its format, is in the object store until the moment that is given here.",
        kept: "The facts until you delete the report; the audio as your plan says.",
        export: rows! {
            from "upload" where Account is "account_id = $1"
            given {
                "id" Text "Number", "file_name" Text "File name", "kind" Text "For", "state" Text "State", "size_bytes" Number "Bytes",
                "media_type" Text "Format", "created_at" Time "Begun", "stored_at" Time "Arrived", "delete_after" Time "Audio is removed",
                "preview_state" Text "Copy to play", "preview_attenuation_db" Number "Copy made lower by, dB",
            }
            withheld {
                "account_id" REFERENCE,
                "multipart_id" "the storage's own number of an upload that comes in parts",
            }
        },
        erase: Erase::WithAccount,
    },
    Table {
        name: "analysis",
        title: "Analyses",
        about: "The reports of your mixes, with every number that was measured.",
        kept: "Until you delete the report.",
        export: rows! {
            from "analysis" where Account is "account_id = $1"
            given {
                "id" Text "Number", "title" Text "Title", "upload_id" Text "File", "kind" Text "For", "state" Text "State", "phase" Text "Phase",
                "percent" Number "Percent", "status_message" Text "Trouble on our side", "created_at" Time "Begun", "finished_at" Time "Finished",
                "engine" Text "Engine", "duration_s" Number "Length in seconds", "integrated_lufs" Number "Integrated loudness, LUFS",
                "report" Json "Report", "failure" Json "Failure",
                "rule_set" Text "Judged by rules of", "stage" Text "Judged as", "stage_is_chosen" Flag "You chose that",
                "score_tenths" Number "Score in tenths", "song_id" Text "Song", "song_declined" Flag "You said that it is no version of what was suggested",
            }
            withheld {
                "account_id" REFERENCE, "title_key" "the title once more, in small letters, to sort by",
                "search_key" "the title, the song and the name of the file once more, to look them up by",
                "base_title" "the title once more, without what marks a version, to suggest a song by",
            }
        },
        erase: Erase::WithAccount,
    },
    Table {
        name: "verdict",
        title: "Verdicts",
        about: "What our rules said of each report.",
        kept: "Until you delete the report.",
        export: rows! {
            from "verdict" where Account is "analysis_id IN (SELECT id FROM analysis WHERE account_id = $1)" in order of "rule_set"
            given {
                "analysis_id" Text "Analysis", "rule_set" Text "Rules of", "mix_tenths" Number "Score as a mix, in tenths",
                "master_tenths" Number "Score as a master, in tenths", "verdict" Json "Verdict", "created_at" Time "Made",
            }
            withheld {}
        },
        erase: Erase::WithAccount,
    },
    Table {
        name: "song",
        title: "Songs",
        about: "The songs that you put versions together under.",
        kept: "Until you delete the song, its last version, or your account.",
        export: rows! {
            from "song" where Account is "account_id = $1"
            given { "id" Text "Number", "title" Text "Title", "created_at" Time "Made" }
            withheld { "account_id" REFERENCE, "title_key" "the title once more, in small letters, to look it up by" }
        },
        erase: Erase::WithAccount,
    },
    Table {
        name: "comparison",
        title: "Comparisons",
        about: "Which references you compare a mix with.",
        kept: "Until you delete the mix or the reference.",
        export: rows! {
            from "comparison" where Account is "analysis_id IN (SELECT id FROM analysis WHERE account_id = $1)" in order of "reference_id"
            given { "analysis_id" Text "Mix", "reference_id" Text "Reference", "added_at" Time "Chosen" }
            withheld {}
        },
        erase: Erase::WithAccount,
    },
    Table {
        name: "usage",
        title: "Use of the plan",
        about: "To count what your plan allows in a month.",
        kept: "Until you delete your account.",
        export: rows! {
            from "usage" where Account is "account_id = $1"
            given { "month" Number "Month (UTC)", "analyses" Number "Analyses", "reference_files" Number "References" }
            withheld { "account_id" REFERENCE }
        },
        erase: Erase::WithAccount,
    },
    Table {
        name: "consent",
        title: "Choices about statistics",
        about: "To keep to what you said, and to be able to prove it.",
        kept: "Until you delete your account.",
        export: rows! {
            from "consent" where Account is "account_id = $1"
            given {
                "id" Text "Number", "purpose" Text "For", "granted" Flag "Allowed", "policy" Text "Version of the policy", "decided_at" Time "Said",
            }
            withheld { "account_id" REFERENCE }
        },
        erase: Erase::WithAccount,
    },
    Table {
        name: "export",
        title: "Copies of your data",
        about: "The archives that you asked for.",
        kept: "The archive for 24 hours; that there was one, until you delete your account.",
        export: rows! {
            from "export" where Account is "account_id = $1"
            given {
                "id" Text "Number", "state" Text "State", "created_at" Time "Asked for", "ready_at" Time "Ready",
                "delete_after" Time "Archive is removed", "size_bytes" Number "Bytes",
            }
            withheld { "account_id" REFERENCE }
        },
        erase: Erase::WithAccount,
    },
    Table {
        name: "privacy_request",
        title: "Requests by e-mail",
        about: "To answer within 30 days what you asked us by e-mail.",
        kept: "Your account is forgotten in it with your account; that there was a request stays.",
        export: rows! {
            from "privacy_request" where Account is "account_id = $1"
            given {
                "id" Text "Number", "kind" Text "Asked for", "received_at" Time "Arrived", "due_at" Time "Due", "answered_at" Time "Answered",
            }
            withheld { "account_id" REFERENCE }
        },
        erase: Erase::WithAccount,
    },
    Table {
        name: "policy_notification",
        title: "E-mails about policy changes",
        about: "So that you are told of a change once and not twice.",
        kept: "Until you delete your account.",
        export: rows! {
            from "policy_notification" where Account is "account_id = $1"
            given { "version" Text "Version", "sent_at" Time "Told" }
            withheld { "account_id" REFERENCE }
        },
        erase: Erase::WithAccount,
    },
    Table {
        name: "newsletter_delivery",
        title: "News that you were sent",
        about: "So that you get each only once.",
        kept: "Until you delete your account.",
        export: rows! {
            from "newsletter_delivery" where Account is "account_id = $1"
            given { "newsletter_id" Text "Number", "sent_at" Time "Sent" }
            withheld { "account_id" REFERENCE }
        },
        erase: Erase::WithAccount,
    },
    Table {
        name: "sign_up",
        title: "Sign-ups that wait",
        about: "Attempts to sign up with your address that nobody has confirmed.",
        kept: "24 hours.",
        export: rows! {
            from "sign_up" where Address is "email_key = $1"
            given {
                "id" Text "Number", "email" Text "E-mail", "display_name" Text "Display name", "terms_version" Text "Version of the terms",
                "created_at" Time "Made", "expires_at" Time "Is forgotten",
            }
            withheld {
                "email_key" "the e-mail once more, in small letters, to look it up by",
                "password_hash" "would help whoever steals the copy to guess the password",
            }
        },
        erase: Erase::By("DELETE FROM sign_up WHERE email_key = $1"),
    },
    Table {
        name: "sign_in_throttle",
        title: "Wrong passwords and codes",
        about: "To slow down whoever guesses your password or your codes.",
        kept: "24 hours after the last wrong one; gone with the right one.",
        export: rows! {
            from "sign_in_throttle" where Tries is "(account_id = $1 OR subject_hash = $2)"
            given { "failures" Number "Wrong tries", "blocked_until" Time "Sign-in waits until", "updated_at" Time "The last one" }
            withheld { "subject_hash" "stands for your address, a browser or a session and says nothing else", "account_id" REFERENCE }
        },
        erase: Erase::By("DELETE FROM sign_in_throttle WHERE account_id = $1 OR subject_hash = $2"),
    },
    Table {
        name: "job",
        title: "Work on your behalf",
        about: "Measurements and e-mails that wait or were done. It holds numbers of what is listed above, never names.",
        kept: "7 days after it was done, 30 days after it failed.",
        export: rows! {
            from "job" where Account is "account_id = $1"
            given {
                "id" Text "Number", "kind" Text "What", "state" Text "State", "queue" Text "Queue", "payload" Json "About",
                "attempts" Number "Attempts", "max_attempts" Number "Attempts at most", "deaths" Number "Workers that did not come back", "last_error" Text "What went wrong",
                "created_at" Time "Made", "run_at" Time "Not before", "finished_at" Time "Ended",
            }
            withheld {
                "account_id" REFERENCE, "dedupe_key" "keeps the same work from being made twice",
                "lease_token" "is the key of the worker that does it", "claimed_at" "when a worker took it, which decides whose turn is next", "lease_until" "how long the worker holds it",
            }
        },
        erase: Erase::WithAccount,
    },
    Table {
        name: "erasure",
        title: "Deletions",
        about: "So that a deletion is finished, and done again on a backup that is restored.",
        kept: "Your address until the last e-mail is sent, the number of your account until everything is deleted; a hash of that number stays.",
        export: Export::Nothing("exists only for accounts that do not"),
        erase: Erase::Nothing("is the deletion itself, which forgets whom it was about when it is finished"),
    },
    Table {
        name: "erasure_step",
        title: "Steps of a deletion",
        about: "So that a deletion goes on where it was interrupted.",
        kept: "Emptied with its deletion.",
        export: Export::Nothing("exists only for accounts that do not"),
        erase: Erase::Nothing("each step is emptied when it is done"),
    },
    Table {
        name: "policy_version",
        title: "Published policies",
        about: "What we published and when.",
        kept: "For ever; nobody is in it.",
        export: Export::Nothing("is public"),
        erase: Erase::Nothing("is about nobody"),
    },
    Table {
        name: "newsletter",
        title: "News that we sent",
        about: "Their words, and when.",
        kept: "For ever; nobody is in it.",
        export: Export::Nothing("is the same for everybody"),
        erase: Erase::Nothing("is about nobody"),
    },
    Table {
        name: "object_sweep",
        title: "The last look through the storage",
        about: "How many objects there were, and how many belonged to no row.",
        kept: "Until the next one; nobody is in it.",
        export: Export::Nothing("is about nobody"),
        erase: Erase::Nothing("is about nobody"),
    },
    Table {
        name: "deletion",
        title: "The ledger of deletions",
        about: "Hashes of what was deleted, so that it is deleted again when a backup brings it back.",
        kept: "As long as backups are kept.",
        export: Export::Nothing("says something only to whoever knows the number of what is gone"),
        erase: Erase::Nothing("is about what is not there any more"),
    },
    Table {
        name: "restoration",
        title: "The last restored backup",
        about: "So that nobody is served before deletions were done again.",
        kept: "For ever; nobody is in it.",
        export: Export::Nothing("is about nobody"),
        erase: Erase::Nothing("is about nobody"),
    },
    Table {
        name: "installation",
        title: "The storage of this installation",
        about: "So that no process uses another one by mistake.",
        kept: "For ever; nobody is in it.",
        export: Export::Nothing("is about nobody"),
        erase: Erase::Nothing("is about nobody"),
    },
    Table {
        name: "cron",
        title: "Periodic work",
        about: "When housekeeping ran last.",
        kept: "For ever; nobody is in it.",
        export: Export::Nothing("is about nobody"),
        erase: Erase::Nothing("is about nobody"),
    },
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::db::{
        record::{Record, schema},
        sql,
    };

    crate::contract! {
        /// The schema is read from the migrated database: whoever adds a table or a column decides here what a person is given
        /// of it and how it is erased.
        async fn p14_every_table_and_column_of_the_database_has_its_export_and_its_erasure(db: &Db) {
            let tables = schema(db).await.unwrap();
            let known: BTreeSet<&str> = TABLES.iter().map(|table| table.name).collect();
            let found: BTreeSet<&str> = tables.keys().map(String::as_str).collect();
            assert_eq!(found, known, "add the table to TABLES");
            for table in TABLES {
                let columns: BTreeSet<&str> = tables[table.name].iter().map(String::as_str).collect();
                match table.export {
                    Export::Rows { columns: given, withheld, .. } => {
                        let listed: Vec<&str> =
                            given.iter().map(|column| column.name).chain(withheld.iter().map(|(name, _)| *name)).collect();
                        let unique: BTreeSet<&str> = listed.iter().copied().collect();
                        assert_eq!(listed.len(), unique.len(), "{}: a column is listed twice", table.name);
                        assert_eq!(columns, unique, "{}: every column is given or withheld with a reason", table.name);
                        assert!(!matches!(table.erase, Erase::Nothing(_)), "{}: what is a person's is erased", table.name);
                    }
                    Export::Nothing(_) => {
                        let names_a_person = columns.iter().any(|column| {
                            ["account_id", "email", "display_name", "file_name", "title"].contains(column)
                        });
                        assert!(!names_a_person || table.name == "erasure", "{} is somebody's", table.name);
                    }
                }
                assert!(!table.title.is_empty() && table.about.ends_with('.') && table.kept.ends_with('.'), "{}", table.name);
            }
        }

        async fn every_statement_of_the_manifest_runs(db: &Db) {
            for table in TABLES {
                let Export::Rows { select, key, .. } = table.export else {
                    continue;
                };
                let nobody = |statement| match key {
                    SubjectKey::Tries => sql(statement).bind("nobody").bind("nobody"),
                    _ => sql(statement).bind("nobody"),
                };
                let rows: Vec<Record> = db.all(nobody(select).bind(10_u32).bind(0_u32)).await.unwrap();
                assert_eq!(rows, []);
                if let Erase::By(delete) = table.erase {
                    assert_eq!(db.execute(nobody(delete)).await.unwrap(), 0);
                }
            }
        }
    }
}
