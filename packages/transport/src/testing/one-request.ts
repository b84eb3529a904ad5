// A process that makes one request and closes nothing: it must neither end before the answer nor stay after it.
import { createHttp2Pool } from '../index.ts';

process.once('message', async ({ origin, ca }: { origin: string; ca: string }) => {
  process.disconnect();
  const pool = createHttp2Pool({ origin, ca });
  const { status } = await pool.request({ path: '/', headers: {}, body: 'hello' });
  process.stdout.write(String(status));
});
