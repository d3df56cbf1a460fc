/** Takes one message apart and ends. */

import { parentPort, workerData } from 'node:worker_threads';
import { messageContent } from './message-content.ts';

parentPort?.postMessage(await messageContent(workerData as Uint8Array));
