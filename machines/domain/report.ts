/** Plain data about a running revision, shown by the command line, the control API and the page. */

import type { Fault } from './fault.ts';
import type { ContainerRecord } from './record.ts';
import type { GoalState, Status } from './status.ts';

export interface ContainerView {
  readonly name: string;
  readonly group: string;
  readonly goal: GoalState;
  /** Undefined before the start. */
  readonly record: ContainerRecord | undefined;
}

export interface GroupView {
  readonly name: string;
  readonly status: Status;
  readonly goal: GoalState;
  /** Earlier groups let it start. */
  readonly unlocked: boolean;
  readonly containers: readonly ContainerView[];
}

export interface RevisionView {
  readonly status: Status;
  readonly goal: GoalState;
  readonly groups: readonly GroupView[];
}

export type DevicePhase = 'running' | 'stopping' | 'stopped' | 'rebooting' | 'poweringOff';

/** Why the device reboots or powers off: a container failed, or somebody asked for it. */
export type Because = Fault | { readonly code: 'REQUESTED'; readonly message: string };

/** What the world may know, told after it is durable. Times: monotonic ms since the machine booted. */
export type Announcement =
  | {
      readonly type: 'container';
      readonly at: number;
      readonly group: string;
      /** Undefined at the first announcement of a run. */
      readonly from: Status | undefined;
      readonly goal: GoalState;
      readonly record: ContainerRecord;
    }
  | {
      readonly type: 'group';
      readonly at: number;
      readonly name: string;
      readonly status: Status;
      readonly goal: GoalState;
    }
  | { readonly type: 'revision'; readonly at: number; readonly status: Status; readonly goal: GoalState }
  | { readonly type: 'failure'; readonly at: number; readonly container: string; readonly fault: Fault }
  | { readonly type: 'device'; readonly at: number; readonly phase: DevicePhase };
