//! The seeds of the fuzz targets, unchanged and with one byte changed.

use crate::properties;
use std::{fs, path::PathBuf};

#[test]
fn every_seed_holds() {
    let seeds = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds");
    for (target, property) in properties::ALL {
        let mut ran = 0;
        for entry in fs::read_dir(seeds.join(target)).unwrap() {
            let path = entry.unwrap().path();
            println!("{}", path.display());
            property(&fs::read(&path).unwrap());
            ran += 1;
        }
        assert!(ran >= 10, "{target} has only {ran} seeds");
    }
}

/// A small deterministic fuzzer: every seed with every byte changed or removed.
#[test]
fn every_seed_holds_with_a_byte_changed() {
    let seeds = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds");
    for (target, property) in properties::ALL {
        for entry in fs::read_dir(seeds.join(target)).unwrap() {
            let seed = fs::read(entry.unwrap().path()).unwrap();
            for at in 0..seed.len().min(160) {
                for byte in [b'-', 0xff] {
                    let mut changed = seed.clone();
                    changed[at] = byte;
                    property(&changed);
                }
                let mut shorter = seed.clone();
                shorter.remove(at);
                property(&shorter);
                property(&seed[..at]);
            }
        }
    }
}
