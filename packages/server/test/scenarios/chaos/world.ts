/** What a chaos scenario begins with: a real server as a process of its own, and endpoints that mean harm. */

import type { EndpointCreateBody, EndpointStatsObject } from '@postrider/contract/schemas/endpoint';
import { onTestFinished } from 'vitest';
import type { Api } from '../../kit/api.ts';
import { ChildServer, dataFolder, type ChildOptions } from '../../kit/child-server.ts';
import { honestPlaces, type Places, type TalliedLane, type TallyRules } from '../../kit/honest-places.ts';
import type { Behaviour } from '../../kit/hostile/exchange.ts';
import { HostileServer, type HostilePath } from '../../kit/hostile/hostile-server.ts';
import { OfferedEvents } from '../../kit/offered-events.ts';
import { waitFor } from '../../kit/wait.ts';

export interface ChaosLane extends TalliedLane {
  path: HostilePath;
}

const DRAIN_WITHIN_MS = 30_000;

/** A schedule that outlives any outage of a scenario: nothing becomes a dead letter that is not meant to. */
export const PATIENT: number[] = Array.from({ length: 30 }, () => 1);

export class World {
  readonly dir: string;
  readonly hostile: HostileServer;
  readonly lanes: ChaosLane[] = [];
  readonly offered = new OfferedEvents();
  server: ChildServer;

  private constructor(dir: string, hostile: HostileServer, server: ChildServer) {
    this.dir = dir;
    this.hostile = hostile;
    this.server = server;
  }

  /** A data folder that is there before its server; goes with the test that is running. */
  static async folder(): Promise<string> {
    const folder = await dataFolder();
    onTestFinished(() => folder.remove());
    return folder.dir;
  }

  /** Goes with the test that is running. */
  static async start(options: ChildOptions = {}): Promise<World> {
    const dir = options.dir ?? (await World.folder());
    const hostile = await HostileServer.start();
    onTestFinished(() => hostile.close());
    const server = await ChildServer.start({ ...options, dir });
    const world = new World(dir, hostile, server);
    onTestFinished(() => world.server.kill());
    return world;
  }

  get api(): Api {
    return this.server.sandbox;
  }

  async lane(
    name: string,
    behaviour?: Behaviour,
    settings: Partial<EndpointCreateBody> = {},
    at: HostileServer = this.hostile,
  ): Promise<ChaosLane> {
    const path = at.path(name, behaviour);
    const { endpoint_id } = await this.api.createEndpoint({
      url: path.url,
      event_types: ['custom.*'],
      retry_schedule: PATIENT,
      timeout_ms: 1_000,
      ...settings,
    });
    const lane: ChaosLane = { endpoint_id, path, wants: (type) => type.startsWith('custom.') };
    this.lanes.push(lane);
    return lane;
  }

  stats(lane: TalliedLane): Promise<EndpointStatsObject> {
    return this.api.get(`/v1/endpoints/${lane.endpoint_id}/stats`);
  }

  /** The next life on the same folder. */
  async restart(options: Omit<ChildOptions, 'dir'> = {}): Promise<void> {
    await this.hostile.untilDisconnected();
    this.hostile.life++;
    this.server = await ChildServer.start({ dir: this.dir, ...options });
  }

  /** Moves the clock until nothing waits in `lanes`; rejects when something still does after `within_ms`. */
  async drain(
    lanes: readonly TalliedLane[] = this.lanes,
    step_s = 60,
    within_ms = DRAIN_WITHIN_MS,
  ): Promise<void> {
    await waitFor(
      'end of every queue',
      async () => {
        await this.api.advance(step_s);
        const all = await Promise.all(lanes.map((lane) => this.stats(lane)));
        return all.every(({ pending }) => pending === 0);
      },
      within_ms,
    );
  }

  tally(rules: TallyRules, lanes: readonly TalliedLane[] = this.lanes): Promise<Places> {
    return honestPlaces(this.api, this.offered.accepted, lanes, rules);
  }
}
