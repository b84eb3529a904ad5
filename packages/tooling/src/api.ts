import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Extractor, ExtractorConfig, ExtractorLogLevel } from '@microsoft/api-extractor';
import { build } from './build.ts';
import { consumer, packAll, type Packed } from './pack.ts';
import { report, start } from './run.ts';
import { publicPackages, root, scratch } from './workspace.ts';

const reports = join(root, 'packages/docs/api');
const current = join(scratch, 'api');

/**
 * Compares the public face of each packed package with its report in git, one per entry point; with `update`, writes the reports.
 * @throws where a report differs, or api-extractor finds something wrong
 */
export async function apiReports(packages: readonly Packed[], update: boolean): Promise<void> {
  await mkdir(reports, { recursive: true });
  const wanted = new Set<string>();
  const problems: string[] = [];
  for (const each of packages) {
    for (const subpath of Object.keys(each.manifest.exports ?? {})) {
      const file = `${[each.folder, ...subpath.split('/').slice(1)].join('.')}.api.md`;
      wanted.add(file);
      const { changed, complaints } = extract(each, subpath, file, update);
      problems.push(...complaints.map((complaint) => `${file}: ${complaint}`));
      if (changed && !update) problems.push(await difference(file));
    }
  }
  for (const file of await readdir(reports)) {
    if (wanted.has(file)) continue;
    if (update) await rm(join(reports, file));
    else problems.push(`${file}: this package or entry point is gone`);
  }
  if (problems.length > 0) throw new Error(`${problems.join('\n')}\nRun \`pnpm api\` and commit what it changes.`);
}

interface Extraction {
  readonly changed: boolean;
  readonly complaints: readonly string[];
}

function extract(each: Packed, subpath: string, file: string, update: boolean): Extraction {
  const published = each.manifest.publishConfig?.exports?.[subpath];
  if (published === undefined || typeof published === 'string') {
    return { changed: false, complaints: ['publishConfig.exports names no types for it'] };
  }
  const complaints: string[] = [];
  const { apiReportChanged } = Extractor.invoke(extractorConfig(each, published.types, file), {
    localBuild: update,
    messageCallback(message) {
      message.handled = true;
      // A report that differs or is missing is what this is about: told by the result.
      if (message.messageId.startsWith('console-api-report-')) return;
      if (message.logLevel === ExtractorLogLevel.Error || message.logLevel === ExtractorLogLevel.Warning) {
        complaints.push(message.formatMessageWithLocation(consumer));
      }
    },
  });
  return { changed: apiReportChanged, complaints };
}

function extractorConfig(each: Packed, types: string, file: string): ExtractorConfig {
  const entry = join(each.installed, types);
  const off = { enabled: false };
  return ExtractorConfig.prepare({
    configObject: {
      projectFolder: each.installed,
      mainEntryPointFilePath: entry,
      newlineKind: 'lf',
      compiler: {
        overrideTsconfig: {
          compilerOptions: {
            module: 'nodenext',
            target: 'es2024',
            lib: ['es2024', 'esnext.disposable'],
            types: ['node'],
            strict: true,
            skipLibCheck: true,
          },
          files: [entry],
        },
      },
      apiReport: { enabled: true, reportFileName: file, reportFolder: reports, reportTempFolder: current },
      docModel: off,
      dtsRollup: off,
      tsdocMetadata: off,
      messages: {
        extractorMessageReporting: {
          'ae-forgotten-export': { logLevel: ExtractorLogLevel.Warning, addToApiReportFile: true },
        },
      },
    },
    configObjectFullPath: undefined,
    packageJsonFullPath: join(each.installed, 'package.json'),
  });
}

async function difference(file: string): Promise<string> {
  const { output } = await start('git', ['diff', '--no-index', '--', join(reports, file), join(current, file)]);
  return output.trim() === '' ? `${file}: differs` : output;
}

if (import.meta.main) {
  await report('API reports', async () => {
    const packages = await publicPackages();
    await build(packages);
    await apiReports(await packAll(packages), true);
  });
}
