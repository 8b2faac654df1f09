import { type Adoption, adopt } from '../launcher/launcher.ts';
import { processorTimes } from '../launcher/processes.ts';
import { leaveWorktree } from '../launcher/project-commands.ts';
import { refuseNewerFormat } from '../launcher/run-directories.ts';
import { realBinary } from '../lib/real-binary.ts';
import { commandHome } from './environment.ts';
import { type HostTrouble, hostGate } from './host.ts';
import { keepShape } from './kept-shapes.ts';
import { straysIn } from './take-over.ts';

/** What the engine itself asks of the machine it runs on: a simulation gives one that is not there. */
export interface Machine {
  /** Why nothing may start here now; null when it may. Never throws. */
  gate(folders: readonly string[]): Promise<HostTrouble | null>;
  /** HOME of a project's commands; made when it is not there. */
  commandHome(worktreesDir: string, project: string): Promise<string>;
  /** What became of the run that an earlier process started in a directory. */
  adopt(directory: string): Promise<Adoption>;
  leaveWorktree: typeof leaveWorktree;
  /** The file that starting a program would run. */
  realBinary: typeof realBinary;
  keepShape: typeof keepShape;
  /** Run directories in which something lives that no running job owns. */
  strays: typeof straysIn;
  refuseNewerFormat: typeof refuseNewerFormat;
  processorTimes: typeof processorTimes;
}

export const thisMachine: Machine = {
  gate: hostGate,
  ...{ commandHome, adopt, leaveWorktree, realBinary, keepShape, refuseNewerFormat, processorTimes },
  strays: straysIn,
};
