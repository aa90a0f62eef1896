// swift-tools-version: 6.2
import PackageDescription

let house: [SwiftSetting] = [
    .swiftLanguageMode(.v6), .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"), .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"), .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]
let cFacing = house + [.strictMemorySafety()]

// Products of other packages, by the name the rooms below use.
let nio = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let httpTypes = Target.Dependency.product(name: "HTTPTypes", package: "swift-http-types")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let lifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let deques = Target.Dependency.product(name: "DequeModule", package: "swift-collections")
let heaps = Target.Dependency.product(name: "HeapModule", package: "swift-collections")
let subprocess = Target.Dependency.product(name: "Subprocess", package: "swift-subprocess")
let system = Target.Dependency.product(name: "SystemPackage", package: "swift-system")
let customDump = Target.Dependency.product(name: "CustomDump", package: "swift-custom-dump")

/// For what runs in a cluster: nothing looks up symbols in these programs, equal functions are kept once, and relocations
/// are packed (which needs glibc 2.36, Debian 12's). Together an eighth of the file, and a third of the time that the
/// dynamic linker takes at the start.
let slim: [LinkerSetting] = [
    .unsafeFlags(
        [
            "-use-ld=lld", "-Xlinker", "--no-export-dynamic", "-Xlinker", "--icf=all",
            "-Xlinker", "-z", "-Xlinker", "pack-relative-relocs",
        ], .when(platforms: [.linux], configuration: .release))
]

/// One room of the house: a library target with exactly the imports listed.
func room(_ name: String, _ imports: [Target.Dependency], settings: [SwiftSetting] = house) -> Target {
    .target(name: name, dependencies: imports, swiftSettings: settings)
}
func program(_ name: String, _ imports: [Target.Dependency]) -> Target {
    .executableTarget(name: name, dependencies: imports, swiftSettings: house, linkerSettings: slim)
}
func tests(_ room: String, _ imports: [Target.Dependency] = [], resources: [Resource]? = nil) -> Target {
    .testTarget(
        name: room + "Tests", dependencies: [.byName(name: room)] + imports, resources: resources, swiftSettings: house)
}

let rooms: [Target] = [
    // doors to C
    .systemLibrary(name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
    .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
    .systemLibrary(name: "CMalloc"),
    .systemLibrary(name: "CYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
    // ground
    room("Wire", []),
    room("Calendar", ["Wire", system]),
    room("YAML", ["Wire", "CYAML"], settings: cFacing),
    room("PKI", ["Wire", "COpenSSL"], settings: cFacing),
    room("HTTPTransport", ["Wire", httpTypes]),
    // wires
    room("CurlTransport", ["HTTPTransport", "Wire", "CCurl", httpTypes], settings: cFacing),
    room("HTTPServer", ["COpenSSL", nio, nioCore, nioHTTP1, httpTypes, logging], settings: cFacing),
    room("DNSWire", ["Wire", "PKI", nio, nioCore]),
    room("Operations", ["Wire", "CMalloc", logging]),
    // protocols
    room("KubeModel", ["Wire", "HTTPTransport", httpTypes]),
    room("KubeClient", ["KubeModel", "HTTPTransport", "Wire", "YAML", httpTypes, logging, subprocess, system]),
    room("KubeRuntime", ["KubeClient", "KubeModel", "HTTPTransport", "Wire", deques, heaps, logging]),
    room("ACME", ["HTTPTransport", "PKI", "Wire", httpTypes]),
    // certificates
    room("CertificateAPI", ["KubeModel", "PKI", "Calendar", "Wire"]),
    room(
        "DNSProviders",
        [
            "CertificateAPI", "KubeModel", "DNSWire", "HTTPTransport", "PKI", "Wire", httpTypes, subprocess, system,
        ]),
    room(
        "Solvers",
        [
            "DNSProviders", "CertificateAPI", "KubeClient", "KubeModel", "ACME", "DNSWire", "HTTPServer",
            "HTTPTransport", "PKI", "Wire", httpTypes, logging,
        ]),
    room(
        "Issuers",
        ["ACME", "DNSProviders", "CertificateAPI", "KubeModel", "HTTPTransport", "PKI", "Wire", httpTypes, logging]),
    // behaviour
    room(
        "Controllers",
        [
            "Issuers", "Solvers", "DNSProviders", "CertificateAPI", "KubeRuntime", "KubeClient", "KubeModel", "ACME",
            "DNSWire", "HTTPTransport", "PKI", "Wire", httpTypes, logging,
        ]),
    room(
        "Diagnosis",
        [
            "Admission", "Issuers", "Solvers", "DNSProviders", "CertificateAPI", "KubeClient", "KubeModel",
            "HTTPTransport", "PKI", "Wire", httpTypes,
        ]),
    room(
        "Dashboard", ["Diagnosis", "Issuers", "CertificateAPI", "KubeModel", "HTTPServer", "Wire", httpTypes]),
    room(
        "Injection",
        ["CertificateAPI", "KubeRuntime", "KubeClient", "KubeModel", "HTTPTransport", "PKI", "Wire", logging]
    ),
    room(
        "Admission",
        ["DNSProviders", "CertificateAPI", "KubeClient", "KubeModel", "PKI", "Wire", httpTypes, logging]),
    room(
        "ACMEServer",
        [
            "ACME", "CertificateAPI", "DNSWire", "HTTPServer", "HTTPTransport", "KubeClient", "KubeModel",
            "KubeRuntime",
            "PKI", "Wire", httpTypes, logging,
        ]),
    // programs
    program(
        "certwright",
        [
            "ACMEServer", "Admission", "Controllers", "Dashboard", "Diagnosis", "Injection", "Issuers", "Solvers",
            "DNSProviders",
            "CertificateAPI",
            "KubeRuntime",
            "KubeClient",
            "KubeModel",
            "ACME", "DNSWire", "CurlTransport", "HTTPServer", "HTTPTransport", "Operations", "PKI", "YAML", "Wire",
            nio, httpTypes, logging, lifecycle, arguments, system,
        ]),
    program("acmesolver", ["HTTPServer", httpTypes]),
    program(
        "kubectl-cert",
        [
            "Dashboard", "Diagnosis", "Issuers", "Solvers", "DNSProviders", "CertificateAPI", "KubeClient", "KubeModel",
            "ACME", "DNSWire", "CurlTransport", "HTTPServer", "HTTPTransport", "PKI", "YAML", "Wire", nio, httpTypes,
            arguments, system,
        ]),
    .executableTarget(
        name: "certwright-bench",
        dependencies: [
            "CurlTransport", "HTTPTransport", "KubeClient", "KubeModel", "Wire", httpTypes, arguments,
        ],
        path: "Benchmarks", swiftSettings: house),
    // tests
    .target(
        name: "TestSupport",
        dependencies: [
            "KubeRuntime", "KubeClient", "KubeModel", "CurlTransport", "DNSWire", "HTTPTransport", "PKI", "YAML",
            "Wire",
            httpTypes, logging, nio, subprocess, system, customDump,
        ], path: "Tests/TestSupport", swiftSettings: house),
]
let testTargets: [Target] = [
    .testTarget(
        name: "ClusterTests",
        dependencies: [
            "certwright", "kubectl-cert", "TestSupport", "ACME", "ACMEServer", "CertificateAPI", "Controllers",
            "HTTPServer",
            "KubeClient", "KubeModel",
            "KubeRuntime", "DNSWire", "HTTPTransport", "Operations", "PKI", "Wire", arguments, httpTypes, logging, nio,
            subprocess, system,
        ], path: "Tests/Cluster", swiftSettings: house),
    .testTarget(name: "AcmesolverTests", dependencies: ["acmesolver", "HTTPServer", httpTypes], swiftSettings: house),
    tests(
        "Admission",
        [
            "CertificateAPI", "HTTPTransport", "KubeClient", "KubeModel", "PKI", "TestSupport", "Wire", "YAML", logging,
            system,
        ]),
    tests(
        "Diagnosis",
        [
            "CertificateAPI", "HTTPTransport", "Issuers", "KubeClient", "KubeModel", "PKI", "Solvers", "TestSupport",
            "Wire",
            "YAML", system,
        ]),
    tests(
        "Dashboard",
        ["CertificateAPI", "Diagnosis", "HTTPServer", "KubeModel", "TestSupport", "Wire", "YAML", httpTypes]),
    .testTarget(
        name: "KubectlCertTests",
        dependencies: [
            "kubectl-cert", "CertificateAPI", "DNSWire", "Diagnosis", "HTTPTransport", "KubeClient", "KubeModel", "PKI",
            "TestSupport", "Wire", "YAML", arguments, httpTypes, system,
        ], swiftSettings: house),
    tests("CurlTransport", ["HTTPTransport", "PKI", "TestSupport", "Wire", httpTypes, subprocess, system]),
    tests("DNSWire", ["TestSupport", "Wire", nio]),
    tests(
        "DNSProviders",
        [
            "CertificateAPI", "CurlTransport", "DNSWire", "HTTPTransport", "KubeModel", "PKI", "TestSupport", "Wire",
            httpTypes, nio, subprocess, system,
        ]),
    tests(
        "Solvers",
        [
            "CertificateAPI", "DNSProviders", "DNSWire", "HTTPTransport", "KubeClient", "KubeModel", "TestSupport",
            "Wire",
            httpTypes, logging, nio,
        ]),
    tests("ACME", ["HTTPTransport", "PKI", "TestSupport", "Wire", httpTypes]),
    tests(
        "ACMEServer",
        [
            "ACME", "CertificateAPI", "CurlTransport", "DNSWire", "HTTPServer", "HTTPTransport", "KubeModel", "PKI",
            "TestSupport", "Wire", httpTypes, logging, nio,
        ]),
    tests(
        "CertificateAPI", ["Calendar", "KubeModel", "PKI", "TestSupport", "Wire", "YAML", subprocess, system]),
    tests("HTTPServer", ["PKI", "TestSupport", "Wire", httpTypes, subprocess]),
    tests("HTTPTransport", ["Wire", httpTypes]),
    tests(
        "Controllers",
        [
            "ACME", "CertificateAPI", "DNSProviders", "HTTPTransport", "Issuers", "KubeClient", "KubeModel",
            "KubeRuntime", "PKI",
            "Solvers",
            "TestSupport", "Wire", httpTypes, logging,
        ]),
    tests(
        "Injection",
        [
            "CertificateAPI", "HTTPTransport", "KubeClient", "KubeModel", "KubeRuntime", "PKI", "TestSupport", "Wire",
            "YAML", logging,
        ]),
    tests(
        "Issuers",
        [
            "ACME", "CertificateAPI", "DNSProviders", "HTTPTransport", "KubeModel", "PKI",
            "TestSupport", "Wire", httpTypes,
        ]),
    tests("KubeClient", ["HTTPTransport", "KubeModel", "TestSupport", "Wire", httpTypes]),
    tests("KubeModel", ["Wire", httpTypes]),
    tests("PKI", ["TestSupport", "Wire"]),
    tests("KubeRuntime", ["KubeClient", "KubeModel", "HTTPTransport", "TestSupport", "Wire", httpTypes, logging]),
    tests("Operations", ["Wire", logging]),
    tests("Wire"),
    tests("Calendar", ["Wire"]),
    tests("YAML", ["Wire"]),
    .testTarget(
        name: "ACMEIntegrationTests",
        dependencies: [
            "ACME", "CurlTransport", "HTTPServer", "HTTPTransport", "PKI", "TestSupport", "Wire", httpTypes,
        ],
        swiftSettings: house),
    .testTarget(
        name: "CertwrightTests",
        dependencies: [
            "certwright", "ACME", "Admission", "CertificateAPI", "Controllers", "HTTPServer", "HTTPTransport",
            "Injection", "Issuers", "KubeClient", "KubeModel", "KubeRuntime", "Operations", "TestSupport", "Wire",
            "YAML", arguments, logging, system,
        ], swiftSettings: house),
    .testTarget(
        name: "InstallTests",
        dependencies: [
            "certwright", "CurlTransport", "KubeClient", "KubeModel", "TestSupport", "Wire", "YAML", arguments,
            subprocess, system,
        ], exclude: ["Goldens"], swiftSettings: house),
    .executableTarget(
        name: "certwright-fuzz",
        dependencies: [
            "ACME", "ACMEServer", "Admission", "Calendar", "CertificateAPI", "DNSWire", "HTTPTransport", "KubeClient",
            "KubeModel",
            "PKI", "Wire",
            "YAML",
            arguments, subprocess, system,
        ], path: "Tests/Fuzz", exclude: ["Corpus"], swiftSettings: house),
    .testTarget(
        name: "FuzzTests", dependencies: ["certwright-fuzz", "TestSupport", subprocess, system], swiftSettings: house),
]

let package = Package(
    name: "certwright",
    products: [
        .executable(name: "certwright", targets: ["certwright"]),
        .executable(name: "acmesolver", targets: ["acmesolver"]),
        .executable(name: "kubectl-cert", targets: ["kubectl-cert"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.1.0"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.5.0", traits: []),
        .package(url: "https://github.com/apple/swift-log", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.80.0"),
        .package(url: "https://github.com/apple/swift-system", from: "1.4.0"),
        .package(url: "https://github.com/pointfreeco/swift-custom-dump", from: "1.3.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.6.0"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.0", traits: []),
    ],
    targets: rooms + testTargets
)
