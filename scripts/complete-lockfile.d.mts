export declare function missingPlatformPackages(
  packages: Readonly<Record<string, object>>,
): Map<string, object>;
