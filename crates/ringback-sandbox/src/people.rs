//! The fictional people who can sign in here.

/// Somebody with a Phone.com account.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Person {
    /// What the password grant calls `username`, and the value in the consent form.
    pub(crate) username: &'static str,
    pub(crate) name: &'static str,
    /// What the password grant calls `phonenumber`; 555-01xx numbers are kept for fiction.
    pub(crate) phonenumber: &'static str,
    /// The account.
    pub(crate) voip_id: u64,
    /// The person's extension in it.
    pub(crate) extension_id: u64,
}

/// Two people of one account, and one of another.
pub(crate) static PEOPLE: [Person; 3] = [
    Person {
        username: "alice",
        name: "Alice Ringer",
        phonenumber: "+12025550101",
        voip_id: 1_000_001,
        extension_id: 2_000_001,
    },
    Person {
        username: "bob",
        name: "Bob Belfry",
        phonenumber: "+12025550102",
        voip_id: 1_000_001,
        extension_id: 2_000_002,
    },
    Person {
        username: "carol",
        name: "Carol Chime",
        phonenumber: "+12025550103",
        voip_id: 1_000_002,
        extension_id: 2_000_003,
    },
];

/// The password of all of them.
pub(crate) const PRACTICE_PASSWORD: &str = "practice-password";

/// The person with that user name.
pub(crate) fn by_username(username: &str) -> Option<&'static Person> {
    PEOPLE.iter().find(|person| person.username == username)
}

/// The person with that phone number, with or without the plus sign.
pub(crate) fn by_phonenumber(number: &str) -> Option<&'static Person> {
    let digits = |text: &str| text.trim_start_matches('+').to_owned();
    PEOPLE.iter().find(|person| digits(person.phonenumber) == digits(number))
}
