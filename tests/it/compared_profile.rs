//! Holds the build profile of the programs that ringback is compared with (`benches/compare`) to its own.

use std::path::Path;

use toml::Table;

/// The profiles of a manifest.
fn profiles(manifest: &str) -> Table {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(manifest);
    let mut manifest: Table = std::fs::read_to_string(path).unwrap().parse().unwrap();
    manifest.remove("profile").unwrap().try_into().unwrap()
}

#[test]
fn what_ringback_is_compared_with_is_built_alike() {
    let (mut own, mut compared) = (profiles("Cargo.toml"), profiles("benches/compare/Cargo.toml"));
    assert_eq!(own["dist"], compared["dist"]);
    let lock = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/compare/Cargo.lock");
    let lock = std::fs::read_to_string(lock).unwrap();
    let packages = |profiles: &mut Table| profiles["release"].as_table_mut().unwrap().remove("package").unwrap();
    let (own, compared) = (packages(&mut own), packages(&mut compared));
    let fast = |(name, profile): &(&String, &toml::Value)| {
        profile["opt-level"].as_integer() == Some(3) && lock.contains(&format!("name = \"{name}\""))
    };
    let expected: Table =
        own.as_table().unwrap().iter().filter(fast).map(|(name, profile)| (name.clone(), profile.clone())).collect();
    assert!(expected.len() > 5);
    assert_eq!(&expected, compared.as_table().unwrap());
}
