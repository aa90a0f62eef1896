/// The clouds of Azure that know nothing of each other (learn.microsoft.com/azure/azure-government/compare-azure-government-global-azure,
/// learn.microsoft.com/azure/china/resources-developer-guide).
enum AzureCloud: String, Sendable {
    case publicCloud = "AzurePublicCloud"
    case china = "AzureChinaCloud"
    case german = "AzureGermanCloud"
    case usGovernment = "AzureUSGovernmentCloud"

    var management: String {
        switch self {
        case .publicCloud: "https://management.azure.com"
        case .china: "https://management.chinacloudapi.cn"
        case .german: "https://management.microsoftazure.de"
        case .usGovernment: "https://management.usgovcloudapi.net"
        }
    }

    var authority: String {
        switch self {
        case .publicCloud: "https://login.microsoftonline.com"
        case .china: "https://login.chinacloudapi.cn"
        case .german: "https://login.microsoftonline.de"
        case .usGovernment: "https://login.microsoftonline.us"
        }
    }
}
