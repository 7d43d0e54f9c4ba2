//! The Secret Service (freedesktop.org's Secret Service API), as far as one item needs it. An item is created in the
//! default collection; what is locked is unlocked, for which the service may ask the user.

use std::collections::HashMap;
use std::pin::Pin;

use serde::Serialize;
use serde::de::DeserializeOwned;
use zbus::export::futures_core::Stream as _;
use zbus::zvariant::{Dict, DynamicType, ObjectPath, OwnedObjectPath, OwnedValue, Type, Value};
use zbus::{Connection, Proxy};
use zeroize::Zeroizing;

use super::channel::{Channel, KeyPair, Undecipherable};
use super::error::{KeyringError, PATIENCE};

const NAME: &str = "org.freedesktop.secrets";
const SERVICE: &str = "org.freedesktop.Secret.Service";
const COLLECTION: &str = "org.freedesktop.Secret.Collection";
const ITEM: &str = "org.freedesktop.Secret.Item";
const PROMPT: &str = "org.freedesktop.Secret.Prompt";

/// A secret as it travels: session, initialization vector, ciphertext, content type.
type Travelling = (OwnedObjectPath, Vec<u8>, Vec<u8>, String);

/// What the service, or the bus, refused.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error("zbus error: {0}")]
    Bus(#[from] zbus::Error),
    #[error("no secret service provider or dbus session found")]
    Unavailable,
    #[error("SS Error: object locked")]
    Locked,
    #[error("SS error: result not returned from SS API")]
    NoCollection,
    #[error("SS error: prompt dismissed")]
    Dismissed,
    #[error("SS error: connection closed before prompt completed")]
    Disconnected,
    #[error("Crypto error: {0}")]
    Crypto(#[from] Undecipherable),
    #[error("no item")]
    NoItem,
    #[error("{0} items")]
    Ambiguous(usize),
}

impl From<zbus::zvariant::Error> for Trouble {
    fn from(error: zbus::zvariant::Error) -> Self {
        Self::Bus(error.into())
    }
}

pub(super) fn get(service: &str, user: &str) -> Result<Zeroizing<Vec<u8>>, KeyringError> {
    connected(service, user, async |keyring, wanted| {
        let item = keyring.only_item(wanted).await?;
        let (_, iv, value, _): Travelling = keyring.call(&item, ITEM, "GetSecret", &(&keyring.session,)).await?;
        Ok(keyring.channel.decrypt(&iv, &value)?)
    })
}

pub(super) fn set(service: &str, user: &str, secret: &[u8]) -> Result<(), KeyringError> {
    connected(service, user, async |keyring, wanted| {
        let (iv, value) = keyring.channel.encrypt(secret);
        let travelling: Travelling = (keyring.session.clone(), iv.into(), value, "application/octet-stream".into());
        match keyring.only_item(wanted).await {
            Ok(item) => keyring.call(&item, ITEM, "SetSecret", &(travelling,)).await,
            Err(Trouble::NoItem) => keyring.create(wanted, &format!("keyring:{user}@{service}"), travelling).await,
            Err(trouble) => Err(trouble),
        }
    })
}

pub(super) fn delete(service: &str, user: &str) -> Result<(), KeyringError> {
    connected(service, user, async |keyring, wanted| {
        let item = keyring.only_item(wanted).await?;
        if keyring.is_locked(&item, ITEM).await? {
            return Err(Trouble::Locked);
        }
        let prompt: OwnedObjectPath = keyring.call(&item, ITEM, "Delete", &()).await?;
        if names_something(&prompt) { keyring.prompt(&prompt).await.map(drop) } else { Ok(()) }
    })
}

/// Does `work` over a connection of its own: the keyring may have been started, stopped or locked since the last call.
fn connected<T>(
    service: &str,
    user: &str,
    work: impl AsyncFnOnce(&SecretService, &HashMap<&str, &str>) -> Result<T, Trouble>,
) -> Result<T, KeyringError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| KeyringError::Failed { why: format!("no runtime could be started: {error}") })?;
    let asked = async {
        let keyring =
            SecretService::connect().await.map_err(|trouble| KeyringError::NoService { why: trouble.to_string() })?;
        let wanted = HashMap::from([("service", service), ("username", user)]);
        work(&keyring, &wanted).await.map_err(|trouble| explain(&trouble, service, user))
    };
    // What is not answered by then is given up, prompt included: an answer to it must not write a key that is no longer
    // the one in use.
    runtime.block_on(async { tokio::time::timeout(PATIENCE, asked).await.unwrap_or(Err(KeyringError::TimedOut)) })
}

fn explain(trouble: &Trouble, service: &str, user: &str) -> KeyringError {
    let (service, user, why) = (service.to_owned(), user.to_owned(), trouble.to_string());
    match trouble {
        Trouble::NoItem => KeyringError::NoEntry { service, user },
        Trouble::Ambiguous(count) => KeyringError::Ambiguous { service, user, count: *count },
        Trouble::Locked | Trouble::NoCollection | Trouble::Dismissed => KeyringError::Locked { why },
        Trouble::Bus(_) | Trouble::Unavailable | Trouble::Disconnected | Trouble::Crypto(_) => {
            KeyringError::Failed { why }
        }
    }
}

/// By this path the service says that there is no such object, or nothing to ask the user.
fn names_something(path: &OwnedObjectPath) -> bool {
    path.as_str() != "/"
}

struct SecretService {
    bus: Connection,
    session: OwnedObjectPath,
    channel: Channel,
}

impl SecretService {
    async fn connect() -> Result<Self, Trouble> {
        let bus = Connection::session().await.map_err(|error| match error {
            zbus::Error::InterfaceNotFound | zbus::Error::Address(_) => Trouble::Unavailable,
            zbus::Error::InputOutput(error) if error.kind() == std::io::ErrorKind::NotFound => Trouble::Unavailable,
            error => error.into(),
        })?;
        let pair = KeyPair::random();
        let root = ObjectPath::from_static_str("/org/freedesktop/secrets")?;
        let ours = Value::from(pair.public().to_vec());
        let reply =
            bus.call_method(Some(NAME), root, Some(SERVICE), "OpenSession", &(Channel::ALGORITHM, ours)).await?;
        let (theirs, session): (OwnedValue, OwnedObjectPath) = reply.body().deserialize()?;
        let channel = pair.agree(&Vec::<u8>::try_from(theirs)?)?;
        Ok(Self { bus, session, channel })
    }

    /// The one item with these attributes, unlocked.
    async fn only_item(&self, wanted: &HashMap<&str, &str>) -> Result<OwnedObjectPath, Trouble> {
        let (mut items, locked): (Vec<OwnedObjectPath>, Vec<OwnedObjectPath>) =
            self.ask("SearchItems", &(wanted,)).await?;
        if !locked.is_empty() {
            self.unlock(&locked).await?;
        }
        items.extend(locked);
        match items.len() {
            0 => Err(Trouble::NoItem),
            1 => items.pop().ok_or(Trouble::NoItem),
            count => Err(Trouble::Ambiguous(count)),
        }
    }

    async fn create(&self, attributes: &HashMap<&str, &str>, label: &str, secret: Travelling) -> Result<(), Trouble> {
        let collection: OwnedObjectPath = self.ask("ReadAlias", &("default",)).await?;
        if !names_something(&collection) {
            return Err(Trouble::NoCollection);
        }
        if self.is_locked(&collection, COLLECTION).await? {
            self.unlock(std::slice::from_ref(&collection)).await?;
        }
        let attributes = Value::from(Dict::from(attributes.clone()));
        let properties = HashMap::from([
            ("org.freedesktop.Secret.Item.Label", Value::from(label)),
            ("org.freedesktop.Secret.Item.Attributes", attributes),
        ]);
        let replace = true;
        let (item, prompt): (OwnedObjectPath, OwnedObjectPath) =
            self.call(&collection, COLLECTION, "CreateItem", &(properties, secret, replace)).await?;
        if names_something(&item) { Ok(()) } else { self.prompt(&prompt).await }
    }

    async fn is_locked(&self, object: &OwnedObjectPath, interface: &str) -> Result<bool, Trouble> {
        let locked: OwnedValue =
            self.call(object, "org.freedesktop.DBus.Properties", "Get", &(interface, "Locked")).await?;
        Ok(bool::try_from(locked)?)
    }

    async fn unlock(&self, objects: &[OwnedObjectPath]) -> Result<(), Trouble> {
        let (unlocked, prompt): (Vec<OwnedObjectPath>, OwnedObjectPath) = self.ask("Unlock", &(objects,)).await?;
        match (unlocked.is_empty(), names_something(&prompt)) {
            (false, _) => Ok(()),
            (true, true) => self.prompt(&prompt).await,
            (true, false) => Err(Trouble::Locked),
        }
    }

    /// Lets the service ask the user, and waits until they have answered.
    async fn prompt(&self, prompt: &OwnedObjectPath) -> Result<(), Trouble> {
        let proxy = Proxy::new(&self.bus, NAME, prompt, PROMPT).await?;
        // Subscribed before the user is asked, so that the answer is not missed.
        let mut completed = proxy.receive_signal("Completed").await?;
        let no_window = "";
        proxy.call_method("Prompt", &(no_window,)).await?;
        let signal = std::future::poll_fn(|context| Pin::new(&mut completed).poll_next(context))
            .await
            .ok_or(Trouble::Disconnected)?;
        let (dismissed, _): (bool, OwnedValue) = signal.body().deserialize()?;
        if dismissed { Err(Trouble::Dismissed) } else { Ok(()) }
    }

    /// Calls a method of the service itself.
    async fn ask<T: DeserializeOwned + Type>(
        &self,
        method: &str,
        arguments: &(impl Serialize + DynamicType),
    ) -> Result<T, Trouble> {
        let root = ObjectPath::from_static_str("/org/freedesktop/secrets")?;
        self.call(&root.into(), SERVICE, method, arguments).await
    }

    async fn call<T: DeserializeOwned + Type>(
        &self,
        object: &OwnedObjectPath,
        interface: &str,
        method: &str,
        arguments: &(impl Serialize + DynamicType),
    ) -> Result<T, Trouble> {
        let reply = self.bus.call_method(Some(NAME), object, Some(interface), method, arguments).await?;
        Ok(reply.body().deserialize()?)
    }
}
