//! Who asks.

use std::time::Duration;

use model::{AccountId, ProblemCode, SessionId, Timestamp, account::Me, plan::Plan};

use crate::{Error, Result};

/// How long after entering the password a person may do what is dangerous without entering it again (ASVS 7.5.1).
pub const RECENT: Duration = Duration::from_secs(10 * 60);

/// A signed-in person and the session they came with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Their account.
    pub account: AccountId,
    /// The session of this browser.
    pub session: SessionId,
    /// The name they chose.
    pub display_name: String,
    /// Their address.
    pub email: String,
    /// Their plan.
    pub plan: Plan,
    /// When they last entered their password in this browser.
    pub confirmed_at: Timestamp,
    /// Whether what is dangerous asks for a code, too.
    pub has_second_factor: bool,
}

impl User {
    /// As pages show them.
    #[must_use]
    pub fn me(&self) -> Me {
        Me {
            id: self.account,
            display_name: self.display_name.clone(),
            email: self.email.clone(),
            plan: self.plan,
        }
    }
}

/// Who asks. Every use case is given one and decides by it, once, for pages and machines alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// Nobody is signed in.
    Nobody,
    /// A signed-in person.
    User(User),
    /// A program that acts for a person, within what they allowed it.
    Token(Token),
    /// The program itself: no person's, so that what is a person's is not its own to see.
    System,
}

/// What a program showed that acts for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// What it reaches.
    pub kind: TokenKind,
    /// For whom.
    pub owner: Owner,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// The request that this is, where it is to be done once however often it is sent.
    pub request: Option<IdempotentRequest>,
}

/// A request with an `Idempotency-Key`; see `idempotency`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotentRequest {
    /// The text of the key.
    pub key: String,
    /// SHA-256 of method, address and body, hex: what tells it from another request.
    pub hash: String,
}

/// For whom something is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner {
    /// Their account.
    pub account: AccountId,
    /// Their plan.
    pub plan: Plan,
}

model::text_enum! {
    /// What a token reaches.
    pub enum TokenKind {
        /// What is its owner's.
        Live = "live",
        /// The sample, and nothing of its owner's.
        Test = "test",
    }
}

model::text_enum! {
    /// What a token may be allowed. What is not among these takes a signed-in person.
    pub enum Scope {
        /// To read analyses, reports, songs and audio.
        ReadAnalyses = "analyses:read",
        /// To rename, group, choose and delete them; whoever may, may read them.
        WriteAnalyses = "analyses:write",
        /// To upload files and have them measured.
        Upload = "uploads:write",
        /// To see webhook endpoints and what was sent to them.
        ReadWebhooks = "webhooks:read",
        /// To make, change, try and delete them, and to send events once more; whoever may, may see them.
        WriteWebhooks = "webhooks:write",
    }
}

impl Scope {
    /// Whether a token with this scope may do what takes `other`.
    #[must_use]
    pub fn includes(self, other: Self) -> bool {
        self == other
            || matches!(
                (self, other),
                (Self::WriteAnalyses, Self::ReadAnalyses) | (Self::WriteWebhooks, Self::ReadWebhooks)
            )
    }
}

impl Token {
    /// One that reaches what is `owner`'s and may do what `scopes` say.
    #[must_use]
    pub const fn live(owner: Owner, scopes: Vec<Scope>) -> Self {
        Self {
            kind: TokenKind::Live,
            owner,
            scopes,
            request: None,
        }
    }

    /// Whether it may do what takes `scope`.
    ///
    /// # Errors
    /// `Forbidden`.
    pub fn check_scope(&self, scope: Scope) -> Result<()> {
        if self.scopes.iter().any(|own| own.includes(scope)) {
            Ok(())
        } else {
            Err(Error::problem(
                ProblemCode::Forbidden,
                format!("This token lacks the scope {scope}. Use one that has it."),
            ))
        }
    }
}

impl Actor {
    /// The same, who may read as well: for the answer to a program that is shown what it has just made, and has no scope to read
    /// anything else.
    #[must_use]
    pub fn shown_its_own(&self) -> Self {
        let mut actor = self.clone();
        if let Self::Token(token) = &mut actor {
            token.scopes.push(Scope::ReadAnalyses);
        }
        actor
    }

    /// Whether it is a test token, which is shown the sample, with a scope for it.
    ///
    /// # Errors
    /// `Forbidden` for a test token without the scope.
    pub fn is_shown_sample(&self, scope: Scope) -> Result<bool> {
        match self {
            Self::Token(token) if token.kind == TokenKind::Test => token.check_scope(scope).map(|()| true),
            _ => Ok(false),
        }
    }

    /// For whom something is done that takes `scope`. A signed-in person may do all of it.
    ///
    /// # Errors
    /// `Unauthenticated` where nobody is signed in; `Forbidden` for a token without the scope, for every test token, and for the system.
    pub fn owner(&self, scope: Scope) -> Result<Owner> {
        match self {
            Self::User(user) => Ok(Owner {
                account: user.account,
                plan: user.plan,
            }),
            Self::Token(token) => {
                token.check_scope(scope)?;
                match token.kind {
                    TokenKind::Live => Ok(token.owner),
                    TokenKind::Test => Err(Error::problem(
                        ProblemCode::Forbidden,
                        "A test token reads the sample and nothing else. Use a live token for this.",
                    )),
                }
            }
            Self::Nobody => Err(unauthenticated()),
            Self::System => Err(only_in_person()),
        }
    }

    /// The account of [`Self::owner`].
    ///
    /// # Errors
    /// As [`Self::owner`].
    pub fn account(&self, scope: Scope) -> Result<AccountId> {
        Ok(self.owner(scope)?.account)
    }

    /// The signed-in person: for what is between a person and us, which no scope allows.
    ///
    /// # Errors
    /// `Unauthenticated` where nobody is signed in; `Forbidden` for a token and for the system.
    pub fn user(&self) -> Result<&User> {
        match self {
            Self::User(user) => Ok(user),
            Self::Nobody => Err(unauthenticated()),
            Self::Token(_) | Self::System => Err(only_in_person()),
        }
    }

    /// The signed-in person, who has entered the password a short while ago: for what would be dangerous in the hands of
    /// somebody who finds the browser open.
    ///
    /// # Errors
    /// `Unauthenticated`; `ConfirmPassword` where it has to be entered again.
    pub fn recent_user(&self, now: Timestamp) -> Result<&User> {
        let user = self.user()?;
        if now.since(user.confirmed_at) <= RECENT {
            Ok(user)
        } else {
            Err(Error::problem(
                ProblemCode::ConfirmPassword,
                "Enter your password again to go on.",
            ))
        }
    }
}

fn unauthenticated() -> Error {
    Error::problem(
        ProblemCode::Unauthenticated,
        "Sign in to go on. Your session may have ended in the meantime.",
    )
}

fn only_in_person() -> Error {
    Error::problem(
        ProblemCode::Forbidden,
        "This takes a person who is signed in, in a browser.",
    )
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const OWNER: Owner = Owner {
        account: AccountId(Uuid::from_u128(1)),
        plan: Plan::Pro,
    };

    fn user() -> User {
        User {
            account: OWNER.account,
            session: SessionId(Uuid::from_u128(2)),
            display_name: "Ann".to_owned(),
            email: "ann@example.org".to_owned(),
            plan: OWNER.plan,
            confirmed_at: Timestamp(0),
            has_second_factor: false,
        }
    }

    fn code<T: std::fmt::Debug>(result: Result<T>) -> ProblemCode {
        result.unwrap_err().code()
    }

    fn token(kind: TokenKind) -> Actor {
        Actor::Token(Token {
            kind,
            owner: OWNER,
            scopes: vec![Scope::ReadAnalyses],
            request: None,
        })
    }

    #[test]
    fn a_test_token_reaches_nothing_of_its_owners() {
        let token = token(TokenKind::Test);
        for scope in Scope::ALL {
            assert_eq!(code(token.owner(scope)), ProblemCode::Forbidden);
        }
        assert!(token.is_shown_sample(Scope::ReadAnalyses).unwrap());
        assert_eq!(code(token.is_shown_sample(Scope::Upload)), ProblemCode::Forbidden);
        assert!(!Actor::User(user()).is_shown_sample(Scope::Upload).unwrap());
    }

    #[test]
    fn whoever_may_change_things_may_read_them_and_not_the_other_way_round() {
        for own in Scope::ALL {
            for other in Scope::ALL {
                let reads_too = [
                    (Scope::WriteAnalyses, Scope::ReadAnalyses),
                    (Scope::WriteWebhooks, Scope::ReadWebhooks),
                ]
                .contains(&(own, other));
                assert_eq!(own.includes(other), own == other || reads_too, "{own} {other}");
            }
        }
    }

    #[test]
    fn a_token_may_do_what_its_scopes_say_and_nothing_that_takes_a_person() {
        let token = token(TokenKind::Live);
        assert_eq!(token.owner(Scope::ReadAnalyses).unwrap(), OWNER);
        assert_eq!(token.account(Scope::ReadAnalyses).unwrap(), OWNER.account);
        for scope in [Scope::WriteAnalyses, Scope::Upload] {
            assert_eq!(code(token.owner(scope)), ProblemCode::Forbidden);
            assert_eq!(code(token.account(scope)), ProblemCode::Forbidden);
        }
        assert_eq!(code(token.user()), ProblemCode::Forbidden);
        assert_eq!(code(token.recent_user(Timestamp(0))), ProblemCode::Forbidden);
    }

    #[test]
    fn a_signed_in_person_may_do_everything_and_nobody_and_the_system_nothing_of_a_persons() {
        for scope in Scope::ALL {
            assert_eq!(Actor::User(user()).owner(scope).unwrap(), OWNER);
            assert_eq!(code(Actor::Nobody.owner(scope)), ProblemCode::Unauthenticated);
            assert_eq!(code(Actor::System.owner(scope)), ProblemCode::Forbidden);
        }
        assert_eq!(Actor::User(user()).user().unwrap(), &user());
        assert_eq!(code(Actor::Nobody.user()), ProblemCode::Unauthenticated);
        assert_eq!(code(Actor::System.user()), ProblemCode::Forbidden);
    }

    #[test]
    fn a_password_that_was_entered_long_ago_has_to_be_entered_again() {
        let actor = Actor::User(user());
        let end = Timestamp(0).plus(RECENT);
        assert!(actor.recent_user(end).is_ok());
        let later = end.plus(Duration::from_millis(1));
        assert_eq!(code(actor.recent_user(later)), ProblemCode::ConfirmPassword);
    }
}
