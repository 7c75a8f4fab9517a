//! Passwords: what is accepted, and argon2id.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, LazyLock, Mutex, PoisonError,
        mpsc::{self, Receiver, Sender},
    },
    thread,
};

use argon2::{
    Algorithm, Argon2, Block, Params, Version,
    password_hash::{
        self,
        phc::{Output, ParamsString, PasswordHash, Salt},
    },
};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use tokio::sync::{Semaphore, oneshot};

use crate::{Error, Result, entropy::Entropy, redact::Cause};

/// The fewest characters of a password (ASVS 6.2.1).
pub const MIN_CHARS: usize = 12;

/// The most characters of a password (ASVS 6.2.9 asks for at least 64).
pub const MAX_CHARS: usize = 128;

/// The least zxcvbn score (of 0 to 4): about 10^8 guesses.
const MIN_SCORE: zxcvbn::Score = zxcvbn::Score::Three;

/// What the estimate looks at: its time grows steeply with the length of what looks like words with digits in place of
/// letters, and so many characters that are hard to guess are enough.
const ESTIMATED_CHARS: usize = 32;

/// The passwords of at least [`MIN_CHARS`] that are known from leaks (ASVS 6.2.12): the first bytes of the SHA-256 of each,
/// in small letters, sorted. `scripts/leaked-passwords` makes it.
static LEAKED: &[u8] = include_bytes!("../data/leaked-passwords.bin");
const HASH_BYTES: usize = 8;

/// Callers that may wait for their turn; one more is told to come back, so that a flood cannot pile up memory.
const MAX_WAITING: usize = 64;

/// Checks a new password by length and by how hard it is to guess, given what else is known about the person. The estimate
/// takes its turn with the hashes, off the threads that answer requests.
///
/// # Errors
/// `Invalid` on the field `password`, saying what to do; `Unavailable` when too many are waiting.
pub async fn check_new(
    hasher: &Hasher,
    password: &SecretString,
    email: &str,
    display_name: &str,
) -> Result<()> {
    let (password, email, display_name) = (password.clone(), email.to_owned(), display_name.to_owned());
    check_length(password.expose_secret())?;
    hasher
        .in_turn(move |_| check_guessability(password.expose_secret(), &email, &display_name))
        .await?
}

fn refuse(message: String) -> Result<()> {
    Err(Error::invalid("password", message))
}

fn check_length(text: &str) -> Result<()> {
    match text.chars().count() {
        count if count < MIN_CHARS => refuse(format!(
            "Use at least {MIN_CHARS} characters. Three or four unrelated words are easy to remember."
        )),
        count if count > MAX_CHARS => refuse(format!("Use at most {MAX_CHARS} characters.")),
        _ => Ok(()),
    }
}

/// Whether others have had it, and it was published.
fn is_leaked(text: &str) -> bool {
    let hash = Sha256::digest(text.to_lowercase().as_bytes());
    let (hashes, _) = LEAKED.as_chunks::<HASH_BYTES>();
    hashes
        .binary_search_by(|known| known.as_slice().cmp(&hash[..HASH_BYTES]))
        .is_ok()
}

/// With each run of one sign as that sign, and of one letter or digit as two of it: `!!!` takes no more guesses than `!`, but
/// the estimate believes so. Two, because words have double letters.
fn without_runs(text: &str) -> String {
    let mut shortened: Vec<char> = Vec::new();
    for c in text.chars() {
        let most = if c.is_alphanumeric() { 2 } else { 1 };
        if shortened.iter().rev().take_while(|before| **before == c).count() < most {
            shortened.push(c);
        }
    }
    shortened.into_iter().collect()
}

/// Looked at as it is and without runs of one character, and refused where either is easy.
fn check_guessability(text: &str, email: &str, display_name: &str) -> Result<()> {
    if is_leaked(text) {
        return refuse(
            "This password is on the lists that are tried first, because others have used it. Choose another."
                .to_owned(),
        );
    }
    let whole = [email, display_name, "mixlens"];
    let words = [email, display_name]
        .into_iter()
        .flat_map(|text| text.split(|c: char| !c.is_alphanumeric()))
        .filter(|word| word.chars().count() > 2);
    let known: Vec<&str> = whole.into_iter().chain(words).collect();
    for text in [text, &without_runs(text)] {
        if let Some(why) = weakness_of_both_ends(text, &known) {
            return refuse(format!(
                "This password is easy to guess.{why} Add one or two unrelated words."
            ));
        }
    }
    Ok(())
}

/// Why a text is easy to guess; a long one is hard where its beginning or its end is.
fn weakness_of_both_ends(text: &str, known: &[&str]) -> Option<String> {
    let count = text.chars().count();
    let begin: String = text.chars().take(ESTIMATED_CHARS).collect();
    let why = weakness(&begin, known)?;
    let end: String = text.chars().skip(count.saturating_sub(ESTIMATED_CHARS)).collect();
    if count > ESTIMATED_CHARS && weakness(&end, known).is_none() {
        return None;
    }
    Some(why)
}

/// Why a text is easy to guess, with a space in front, or nothing where the reason is not known; `None` where it is hard.
fn weakness(text: &str, known: &[&str]) -> Option<String> {
    // zxcvbn 3.1 counts guesses of long repetitions beyond what u64 holds, and panics where that is checked.
    let estimate = catch_unwind(|| zxcvbn::zxcvbn(text, known));
    let Ok(estimate) = estimate else {
        return Some(String::new());
    };
    (estimate.score() < MIN_SCORE).then(|| {
        estimate
            .feedback()
            .and_then(|feedback| feedback.warning())
            .map(|warning| format!(" {warning}"))
            .unwrap_or_default()
    })
}

/// The hash of a password that nobody has.
fn dummy(params: &Params) -> Arc<str> {
    Memory::default()
        .hash(params, b"nobody has this password", &[7; 16])
        .unwrap_or_default()
        .into()
}

/// Hashes and verifies with argon2id (m = 19 MiB, t = 2, p = 1: the crate's defaults and OWASP's minimum), as many at a
/// time as there are cores, on threads of their own, each with the memory of one hash.
#[derive(Debug, Clone)]
pub struct Hasher {
    work: Sender<Work>,
    waiting: Arc<Semaphore>,
    /// What new hashes cost.
    params: Params,
    /// The hash of a password that nobody has, verified where there is no account, so that both take as long.
    dummy: Arc<str>,
}

impl Hasher {
    /// A hasher with a turn for each core.
    #[must_use]
    pub fn new() -> Self {
        /// It costs as much as any: once for a process, however many backends are made in it.
        static DUMMY: LazyLock<Arc<str>> = LazyLock::new(|| dummy(&Params::default()));
        Self::with(Params::default(), Arc::clone(&DUMMY))
    }

    /// One whose hashes cost next to nothing: most tests sign somebody up, and none of those is about that.
    #[cfg(feature = "testing")]
    #[must_use]
    pub fn cheap() -> Self {
        let params = Params::new(Params::MIN_M_COST, Params::MIN_T_COST, Params::MIN_P_COST, None);
        let params = params.unwrap_or_default();
        let dummy = dummy(&params);
        Self::with(params, dummy)
    }

    fn with(params: Params, dummy: Arc<str>) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let (work, queue) = mpsc::channel();
        let queue = Arc::new(Mutex::new(queue));
        for _ in 0..cores {
            let queue = Arc::clone(&queue);
            thread::spawn(move || work_off(&queue));
        }
        Self {
            work,
            waiting: Arc::new(Semaphore::new(MAX_WAITING)),
            dummy,
            params,
        }
    }

    /// The PHC string of `password` with a fresh salt.
    ///
    /// # Errors
    /// `Unavailable` when too many are waiting.
    pub async fn hash(&self, entropy: &dyn Entropy, password: SecretString) -> Result<String> {
        let mut salt = [0; 16];
        entropy.fill(&mut salt);
        let params = self.params.clone();
        self.in_turn(move |memory| memory.hash(&params, password.expose_secret().as_bytes(), &salt))
            .await?
            .map_err(Error::internal)
    }

    /// Whether `password` is the one of `hash`. `None` (no such account) takes as long and is never true.
    ///
    /// # Errors
    /// `Unavailable` when too many are waiting.
    pub async fn verify(&self, password: SecretString, hash: Option<String>) -> Result<bool> {
        let known = hash.is_some();
        let hash = hash.unwrap_or_else(|| self.dummy.to_string());
        let fits = self
            .in_turn(move |memory| memory.fits(password.expose_secret().as_bytes(), &hash))
            .await?;
        Ok(known && fits)
    }

    async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Memory) -> T + Send + 'static,
    ) -> Result<T> {
        let busy = |source: Cause| Error::Unavailable {
            what: "password hashing",
            source,
        };
        let _place = self.waiting.try_acquire().map_err(|error| busy(error.into()))?;
        let (answer, answered) = oneshot::channel();
        let work: Work = Box::new(move |memory| {
            // Nobody may wait any more.
            let _ = answer.send(work(memory));
        });
        self.work
            .send(work)
            .map_err(|_| Error::internal("the threads that hash have ended"))?;
        answered
            .await
            .map_err(|_| Error::internal("a password could not be hashed"))
    }
}

/// One hash or estimate.
type Work = Box<dyn FnOnce(&mut Memory) + Send>;

/// Does what comes, until the last [`Hasher`] is gone.
fn work_off(queue: &Mutex<Receiver<Work>>) {
    let mut memory = Memory::default();
    loop {
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(work) = next else { return };
        // Whoever waits sees that there is no answer; the next one has this thread.
        let _ = catch_unwind(AssertUnwindSafe(|| work(&mut memory)));
    }
}

impl Default for Hasher {
    fn default() -> Self {
        Self::new()
    }
}

/// The memory that hashes are worked out in, one after the other: the first takes it, and the next ones use it again. Each with its own
/// would leave holes of 19 MiB that smaller things settle in, so that the process grows with every burst and never shrinks.
#[derive(Default)]
struct Memory(Vec<Block>);

impl Memory {
    /// The PHC string of `password`.
    fn hash(&mut self, params: &Params, password: &[u8], salt: &[u8]) -> password_hash::Result<String> {
        let argon2 = Argon2::new(Algorithm::default(), Version::default(), params.clone());
        let output = self.output(&argon2, password, salt)?;
        let hash = PasswordHash {
            algorithm: Algorithm::default().ident(),
            version: Some(Version::default().into()),
            params: ParamsString::try_from(argon2.params())?,
            salt: Some(Salt::new(salt)?),
            hash: Some(output),
        };
        Ok(hash.to_string())
    }

    /// Whether `password` is the one of the PHC string `hash`, by the parameters that it was made with.
    fn fits(&mut self, password: &[u8], hash: &str) -> bool {
        let mut output = |hash: &PasswordHash| {
            let algorithm = Algorithm::try_from(hash.algorithm.as_str())?;
            let version = Version::try_from(hash.version.ok_or(password_hash::Error::Version)?)?;
            let argon2 = Argon2::new(algorithm, version, Params::try_from(hash)?);
            let salt = hash.salt.as_ref().ok_or(password_hash::Error::SaltInvalid)?;
            self.output(&argon2, password, salt)
        };
        PasswordHash::new(hash).is_ok_and(|hash| {
            // Outputs are compared in constant time. None of a hash that says nothing fits.
            hash.hash.is_some() && output(&hash).ok() == hash.hash
        })
    }

    fn output(&mut self, argon2: &Argon2<'_>, password: &[u8], salt: &[u8]) -> password_hash::Result<Output> {
        let (params, Self(blocks)) = (argon2.params(), self);
        if blocks.len() < params.block_count() {
            blocks.resize(params.block_count(), Block::new());
        }
        let length = params.output_len().unwrap_or(Params::DEFAULT_OUTPUT_LEN);
        let mut output = [0; Output::MAX_LENGTH];
        let output = output.get_mut(..length).ok_or(password_hash::Error::OutputSize)?;
        argon2.hash_password_into_with_memory(password, salt, output, blocks)?;
        Ok(Output::new(output)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SeededEntropy;

    async fn check(password: &str) -> Result<()> {
        let password = SecretString::from(password);
        check_new(&Hasher::new(), &password, "ann@example.org", "Ann Miller").await
    }

    #[tokio::test]
    async fn a_long_password_that_is_hard_to_guess_is_taken_whatever_it_is_made_of() {
        check("copper lantern valley 9").await.unwrap();
        check("häufig späte Wolken über Oslo").await.unwrap();
        let late = format!("{}copper lantern valley 9", "ab".repeat(40));
        check(&late).await.unwrap();
    }

    /// As many substitutions as the estimate knows, in every length: 29 s for 100 characters where all of them are looked at.
    #[tokio::test]
    async fn no_password_stops_the_threads_that_answer() {
        let costly = "4@8({[</369&#!1/|0$5+7%2/".repeat(6);
        let mut ticks = 0;
        let estimated = async {
            for length in [20, 40, 64, 100, 128] {
                let text: String = costly.chars().take(length).collect();
                // Whether it is taken does not matter here.
                let _ = check(&text).await;
            }
        };
        let mut estimated = std::pin::pin!(estimated);
        loop {
            tokio::select! {
                () = &mut estimated => break,
                () = tokio::time::sleep(std::time::Duration::from_millis(1)) => ticks += 1,
            }
        }
        assert!(ticks > 0, "the only thread of this test was blocked");
    }

    #[tokio::test]
    async fn short_endless_and_guessable_passwords_are_refused_with_advice() {
        for password in [
            "short",
            &"x".repeat(129),
            "password1234",
            "ann@example.org",
            "Ann Miller 1990",
            "correcthorsebatterystaple",
            "Correct Horse Battery Staple",
            "thisisapassword",
            "Summer2024!!!",
            "Summer2024......",
            "MixLens2026!!",
            "mixlens!!!2026",
            "Winter2025???",
            "qwertyuiop123456",
            "aaaaaaaaaaaaaaaa",
            // Overflows the estimate's own count.
            &"12".repeat(20),
            &"12".repeat(64),
        ] {
            let problem = check(password).await.unwrap_err().to_problem("");
            assert_eq!(problem.field.as_deref(), Some("password"), "{password}");
            assert!(
                ["Use", "This password is"]
                    .iter()
                    .any(|begin| problem.message.starts_with(begin)),
                "{problem}"
            );
        }
    }

    #[test]
    fn the_list_of_leaked_passwords_is_whole_and_sorted() {
        let (hashes, rest) = LEAKED.as_chunks::<HASH_BYTES>();
        assert!(rest.is_empty() && hashes.len() > 40_000, "{}", hashes.len());
        assert!(hashes.is_sorted());
        assert!(is_leaked("1qaz2wsx3edc4rfv") && !is_leaked("copper lantern valley 9"));
    }

    #[tokio::test]
    async fn only_the_same_password_fits_its_hash() {
        let hasher = Hasher::new();
        let hash = hasher
            .hash(&SeededEntropy::new(1), SecretString::from("copper lantern"))
            .await
            .unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(
            hasher
                .verify(SecretString::from("copper lantern"), Some(hash.clone()))
                .await
                .unwrap()
        );
        assert!(
            !hasher
                .verify(SecretString::from("copper lanterns"), Some(hash))
                .await
                .unwrap()
        );
        // Made by another program, with other parameters.
        let memory = &mut Memory::default();
        for (hash, fits) in [
            (
                "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
                true,
            ),
            (
                "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/5",
                false,
            ),
            ("$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ", false),
            ("", false),
        ] {
            assert_eq!(memory.fits(b"password", hash), fits, "{hash}");
        }
        assert!(
            !hasher
                .verify(SecretString::from("nobody has this password"), None)
                .await
                .unwrap()
        );
    }
}
