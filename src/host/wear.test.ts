import t from 'tap'
import { readWear } from './wear.ts'

const DAY = { processS: 86_400, machineS: 2 * 86_400, stored: 100 }

/** 100 sectors were written. */
const STAT = '   10  0  80  1  20  0  100  9  0 0 0\n'

const placesOf = (dir: string, device = '179:2') => ({
  sys: `${dir}/sys`,
  proc: `${dir}/proc`,
  deviceOf: async () => device,
})

const PROC = { self: { io: 'rchar: 1\nwrite_bytes: 86400\ncancelled_write_bytes: 0\n' } }

t.test('a partition of an eMMC: what the medium says of its life', async t => {
  const dir = t.testdir({
    proc: PROC,
    sys: {
      devices: {
        mmcblk0: {
          stat: STAT,
          size: '2000000\n',
          device: { life_time: '0x02 0x03\n', pre_eol_info: '0x02\n' },
          mmcblk0p2: { partition: '2\n', stat: '1 1 1 1 1 1 1\n' },
        },
      },
      dev: { block: { '179:2': t.fixture('symlink', '../../devices/mmcblk0/mmcblk0p2') } },
    },
  })
  const wear = await readWear('anywhere', DAY, placesOf(dir))
  t.match(wear, {
    ownBytes: 86_400,
    ownPerDayBytes: 86_400,
    ownPerMessageBytes: 864,
    device: 'mmcblk0',
    deviceBytes: 51_200,
    devicePerDayBytes: 25_600,
    deviceSize: 1_024_000_000,
    lifeUsedPercent: 30,
    spare: 'warning',
  })
  t.equal(Math.round(wear.yearsLeft!), Math.round((1_024_000_000 * 1000) / 4 / 25_600 / 365))
})

t.test('a mapping upon one disk is followed; of several nobody knows which', async t => {
  const disk = () => ({ stat: STAT, size: '8\n' })
  const dir = t.testdir({
    proc: PROC,
    sys: {
      devices: {
        sda: disk(),
        sdb: disk(),
        'dm-0': { stat: STAT, slaves: { sda: t.fixture('symlink', '../../sda') } },
        md0: {
          stat: STAT,
          slaves: { sda: t.fixture('symlink', '../../sda'), sdb: t.fixture('symlink', '../../sdb') },
        },
      },
      dev: {
        block: {
          '254:0': t.fixture('symlink', '../../devices/dm-0'),
          '9:0': t.fixture('symlink', '../../devices/md0'),
        },
      },
    },
  })
  t.match(await readWear('x', DAY, placesOf(dir, '254:0')), {
    device: 'sda',
    deviceSize: 4096,
    lifeUsedPercent: undefined,
  })
  t.match(await readWear('x', DAY, placesOf(dir, '9:0')), {
    device: 'md0',
    deviceSize: undefined,
    yearsLeft: undefined,
  })
})

t.test(
  'nothing is made up: no device, no figures, no pace within the first hour, a life that it does not tell',
  async t => {
    const bare = t.testdir({})
    const gone = { ...placesOf(bare), deviceOf: async () => Promise.reject(new Error('ENOENT')) }
    t.same(await readWear('x', DAY, gone), await readWear('x', DAY, placesOf(bare)))
    t.same(await readWear('x', DAY, placesOf(bare)), {
      ownBytes: undefined,
      ownPerDayBytes: undefined,
      ownPerMessageBytes: undefined,
      device: undefined,
      deviceBytes: undefined,
      devicePerDayBytes: undefined,
      deviceSize: undefined,
      lifeUsedPercent: undefined,
      spare: undefined,
      yearsLeft: undefined,
    })
    const dir = t.testdir({
      proc: PROC,
      sys: {
        devices: {
          mmcblk0: { stat: STAT, size: '8\n', device: { life_time: '0x00 0x00\n', pre_eol_info: '0x00\n' } },
          mmcblk1: { stat: 'rubbish', size: '', device: { life_time: '0xff zz\n', pre_eol_info: 'no' } },
        },
        dev: {
          block: {
            '179:2': t.fixture('symlink', '../../devices/mmcblk0'),
            '179:3': t.fixture('symlink', '../../devices/mmcblk1'),
          },
        },
      },
    })
    t.match(await readWear('x', { processS: 3599, machineS: 3599, stored: 99 }, placesOf(dir)), {
      ownPerDayBytes: undefined,
      ownPerMessageBytes: undefined,
      devicePerDayBytes: undefined,
      lifeUsedPercent: undefined,
      spare: undefined,
      yearsLeft: undefined,
    })
    t.match(await readWear('x', DAY, placesOf(dir, '179:3')), {
      device: 'mmcblk1',
      deviceBytes: undefined,
      lifeUsedPercent: undefined,
      spare: undefined,
    })
  },
)

t.test('of this machine itself it says what it can', async t => {
  const wear = await readWear(t.testdir({}), DAY)
  for (const [name, value] of Object.entries(wear))
    if (typeof value === 'number') t.ok(Number.isFinite(value) && value >= 0, name)
})
