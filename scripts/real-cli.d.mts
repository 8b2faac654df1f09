export declare const REAL_CLI_VERSION: string;
export declare function realCliFolder(env?: NodeJS.ProcessEnv): string;
export declare function realCliBinary(env?: NodeJS.ProcessEnv): string | null;
