import { testSubject } from './testing/adapter.ts';
import { startTestService } from './testing/service.ts';
import { adapterSuite } from './index.ts';

adapterSuite('that keeps every rule', async () => {
  const service = await startTestService();
  return { ...testSubject(service), close: () => service[Symbol.asyncDispose]() };
});
