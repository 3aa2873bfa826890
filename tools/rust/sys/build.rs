//! Finds libtidemark_c, or builds it. In this order:
//!
//! 1. `TIDEMARK_LIB_DIR`: the directory that it lies in, for instance that of a CMake build.
//! 2. The sources around this crate, by CMake.
//! 3. pkg-config, where it is installed.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-env-changed=TIDEMARK_LIB_DIR");
    println!("cargo:rerun-if-changed=build.rs");
    if let Some(directory) = env::var_os("TIDEMARK_LIB_DIR") {
        link_from(Path::new(&directory));
        return;
    }
    let crate_root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let sources = crate_root.join("../../..");
    if sources.join("tools/capi/include/tidemark.h").exists() {
        link_from(&build(&sources));
    } else {
        link_by_pkg_config();
    }
}

/// The archive where there is one, so that programs need no search path when they run.
fn link_from(directory: &Path) {
    let archive = directory.join("libtidemark_c.a");
    if !archive.exists() && !directory.join("libtidemark_c.so").exists() {
        panic!("{} has no libtidemark_c", directory.display());
    }
    println!("cargo:rustc-link-search=native={}", directory.display());
    println!("cargo:rerun-if-changed={}", archive.display());
    if archive.exists() {
        println!("cargo:rustc-link-lib=static=tidemark_c");
        for library in ["lmdb", "xxhash", "stdc++"] {
            println!("cargo:rustc-link-lib=dylib={library}");
        }
    } else {
        println!("cargo:rustc-link-lib=dylib=tidemark_c");
    }
}

/// The directory of the archive.
fn build(sources: &Path) -> PathBuf {
    for package in ["CMakeLists.txt", "format", "store", "replay", "tools/capi"] {
        println!("cargo:rerun-if-changed={}", sources.join(package).display());
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it")).join("build");
    run(Command::new("cmake")
        .arg("-S")
        .arg(sources)
        .arg("-B")
        .arg(&out)
        .args(["-DCMAKE_BUILD_TYPE=Release", "-DCMAKE_CXX_FLAGS_RELEASE=-O2"])
        .args(["-DTIDEMARK_BUILD_TOOLS=OFF", "-DTIDEMARK_BUILD_TESTS=OFF"])
        .arg("-DTIDEMARK_BUILD_CAPI=ON"));
    let jobs = env::var("NUM_JOBS").unwrap_or_else(|_| "2".into());
    run(Command::new("cmake").arg("--build").arg(&out).args(["--target", "tidemark_c_static", "--parallel", &jobs]));
    out.join("tools/capi")
}

fn run(command: &mut Command) {
    match command.status() {
        Ok(status) if status.success() => {}
        Ok(status) => panic!("{command:?}: {status}"),
        Err(error) => panic!("{command:?}: {error}; building Tidemark needs CMake and a C++20 compiler"),
    }
}

fn link_by_pkg_config() {
    let answer = Command::new("pkg-config").args(["--libs", "tidemark_c"]).output();
    let flags = match answer {
        Ok(output) if output.status.success() => String::from_utf8_lossy(&output.stdout).into_owned(),
        _ => panic!("neither TIDEMARK_LIB_DIR nor Tidemark's sources nor pkg-config give libtidemark_c"),
    };
    for flag in flags.split_whitespace() {
        if let Some(directory) = flag.strip_prefix("-L") {
            println!("cargo:rustc-link-search=native={directory}");
        } else if let Some(library) = flag.strip_prefix("-l") {
            println!("cargo:rustc-link-lib=dylib={library}");
        }
    }
}
