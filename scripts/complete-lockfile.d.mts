export declare function missingPlatformPackages(
  packages: Readonly<Record<string, object>>,
): Map<string, object>;
export declare function unmarkedPrebuilt(
  packages: Readonly<Record<string, object>>,
  manifestOf: (path: string) => { readonly gypfile?: boolean } | null,
): string[];
